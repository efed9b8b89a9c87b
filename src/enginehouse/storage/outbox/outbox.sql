-- name: subscriptions
-- The open subscriptions of these organizations to events of the server.
-- lists: ids bigint
SELECT id, organization_id, event_type, event_name, url, conditions, action FROM event_subscription
WHERE organization_id IN {ids} AND application IN ('system', '') AND ended_at IS NULL
ORDER BY created_at, id;

-- name: jobs
-- rows: id bigint, organization_id bigint
SELECT j.id, j.organization_id, j.status, j.target_id, j.created_at, j.started_at, j.completed_at, j.aborted_at
FROM {rows} r JOIN job j ON j.id = r.id AND j.organization_id = r.organization_id;

-- name: tasks
-- Tasks of jobs that the transaction holds.
-- rows: job_id bigint, ordinal int
SELECT t.job_id, t.ordinal, t.status, t.engine_id, t.started_at, t.completed_at, t.aborted_at, t.failure_reason,
       t.failure_message
FROM {rows} r JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal;

-- name: addresses
-- The notificationUris that updates of tasks have set. The transaction holds the jobs.
-- lists: ids bigint
SELECT job_id, ordinal, uris FROM task_notification WHERE job_id IN {ids} ORDER BY job_id, ordinal;

-- name: insert
-- rows: message text, organization_id bigint, kind text, subscription_id text, queue text, url text, destination text, event text, job_id bigint, ordinal int, body document, size int, expires_at bigint, now bigint
INSERT INTO outbox (message, organization_id, kind, subscription_id, queue, url, destination, event, job_id, ordinal,
                    body, size, expires_at, created_at, next_at)
SELECT r.message, r.organization_id, r.kind, r.subscription_id, r.queue, r.url, r.destination, r.event, r.job_id,
       r.ordinal, r.body, r.size, r.expires_at, r.now, r.now
FROM {rows} r;

-- name: any_due
SELECT 1 FROM outbox WHERE next_at IS NOT NULL AND next_at <= :now LIMIT 1;

-- name: due
-- The messages that are due; those that another server looks at are skipped. `blocked`: an earlier message of the same
-- queue waits or is under way. `busy`: how many messages are under way to the same destination.
SELECT o.id, o.message, o.organization_id, o.destination,
       EXISTS (SELECT 1 FROM outbox e WHERE e.queue = o.queue AND e.next_at IS NOT NULL AND e.id < o.id) AS blocked,
       (SELECT COUNT(*) FROM outbox f
        WHERE f.organization_id = o.organization_id AND f.destination = o.destination AND f.in_flight = 1
          AND f.next_at > :now) AS busy,
       (SELECT d.open_until FROM webhook_destination d
        WHERE d.organization_id = o.organization_id AND d.destination = o.destination) AS open_until
FROM outbox o
WHERE o.next_at IS NOT NULL AND o.next_at <= :now
ORDER BY o.next_at, o.id
LIMIT :limit
{skip_locked};

-- name: defer
-- The messages wait until `next_at`, without an attempt. Only those that are still due.
-- rows: id bigint, next_at bigint, now bigint
UPDATE outbox SET next_at = r.next_at, in_flight = 0
FROM {rows} r
WHERE outbox.id = r.id AND outbox.next_at <= r.now;

-- name: lease
-- An attempt begins. If its end is not recorded before `next_at`, the message is due again. The number of the attempt
-- is its fencing token.
-- rows: id bigint, next_at bigint, now bigint
UPDATE outbox SET next_at = r.next_at, in_flight = 1, attempts = outbox.attempts + 1, attempted_at = r.now
FROM {rows} r
WHERE outbox.id = r.id AND outbox.next_at <= r.now
RETURNING outbox.id, outbox.message, outbox.organization_id, outbox.subscription_id, outbox.queue, outbox.url,
  outbox.destination, outbox.body, outbox.attempts, outbox.expires_at, outbox.kind, outbox.event, outbox.job_id,
  outbox.ordinal;

-- name: end_attempt
-- Records the end of an attempt that is still the current one. A row is returned if it is.
UPDATE outbox
SET in_flight = 0, next_at = :next_at, status = :status, answer_status = :answer_status, answer = :answer,
    ended_at = CASE WHEN :status = 'pending' THEN NULL ELSE CAST(:now AS BIGINT) END
WHERE id = :id AND attempts = :attempts AND in_flight = 1
RETURNING id;

-- name: first_of_queue
-- The first message of the queue may start now. It has waited for an earlier one.
UPDATE outbox SET next_at = :now
WHERE id = (SELECT MIN(e.id) FROM outbox e WHERE e.queue = :queue AND e.next_at IS NOT NULL)
  AND in_flight = 0 AND attempts = 0 AND next_at > :now;

-- name: release
-- No attempt is under way: the server that began them is gone.
UPDATE outbox SET next_at = :now, in_flight = 0 WHERE in_flight = 1;

-- name: count_failure
INSERT INTO webhook_destination (organization_id, destination, failures) VALUES (:organization_id, :destination, 1)
ON CONFLICT (organization_id, destination) DO UPDATE SET failures = webhook_destination.failures + 1
RETURNING failures;

-- name: open
UPDATE webhook_destination SET open_until = :open_until
WHERE organization_id = :organization_id AND destination = :destination;

-- name: recover
DELETE FROM webhook_destination WHERE organization_id = :organization_id AND destination = :destination;

-- name: end_subscription
-- The receiver wants no more.
UPDATE event_subscription SET ended_at = COALESCE(ended_at, :now)
WHERE id = :id AND organization_id = :organization_id;

-- name: give_up_subscription
-- What still waits for a subscription that has ended.
UPDATE outbox SET status = 'failed', next_at = NULL, in_flight = 0, ended_at = :now, answer = :answer
WHERE subscription_id = :id AND subscription_id IS NOT NULL AND next_at IS NOT NULL AND organization_id = :organization_id;

-- name: by_message
SELECT o.message AS id, o.id AS number, o.organization_id, o.kind, o.subscription_id, o.event, o.job_id, o.ordinal, o.url,
       o.status, o.attempts, o.in_flight, o.created_at, o.next_at, o.expires_at, o.attempted_at, o.ended_at,
       o.answer_status, o.answer,
       (SELECT d.open_until FROM webhook_destination d
        WHERE d.organization_id = o.organization_id AND d.destination = o.destination) AS open_until
FROM outbox o WHERE o.message = :message AND o.organization_id = :organization_id;

-- name: lock
SELECT o.message AS id, o.id AS number, o.organization_id, o.kind, o.subscription_id, o.event, o.job_id, o.ordinal, o.url,
       o.status, o.attempts, o.in_flight, o.created_at, o.next_at, o.expires_at, o.attempted_at, o.ended_at,
       o.answer_status, o.answer,
       (SELECT d.open_until FROM webhook_destination d
        WHERE d.organization_id = o.organization_id AND d.destination = o.destination) AS open_until
FROM outbox o WHERE o.message = :message AND o.organization_id = :organization_id
{for_update};

-- name: body
SELECT body FROM outbox WHERE message = :message AND organization_id = :organization_id;

-- name: list
-- The organization's deliveries, the newest first. `of_status` is written so that no index serves it beside a job.
-- parts: by_status by_job by_subscription
SELECT o.message AS id, o.id AS number, o.organization_id, o.kind, o.subscription_id, o.event, o.job_id, o.ordinal, o.url,
       o.status, o.attempts, o.in_flight, o.created_at, o.next_at, o.expires_at, o.attempted_at, o.ended_at,
       o.answer_status, o.answer,
       (SELECT d.open_until FROM webhook_destination d
        WHERE d.organization_id = o.organization_id AND d.destination = o.destination) AS open_until
FROM outbox o
WHERE o.organization_id = :organization_id AND o.id < :before
-- if: by_status
  AND o.status = :status
-- if: by_job
  AND o.job_id = :job_id
-- if: by_subscription
  AND o.subscription_id = :subscription_id AND o.subscription_id IS NOT NULL
ORDER BY o.id DESC
LIMIT :limit;

-- name: failed_of
-- The failed deliveries of a subscription after this one, in order, locked.
SELECT id FROM outbox
WHERE subscription_id = :subscription_id AND subscription_id IS NOT NULL AND status = 'failed'
  AND organization_id = :organization_id AND id > :after
ORDER BY id
LIMIT :limit
{for_update};

-- name: send_all_again
-- lists: ids bigint
UPDATE outbox SET status = 'pending', next_at = :now, ended_at = NULL, expires_at = :expires_at
WHERE id IN {ids} AND organization_id = :organization_id;

-- name: send_again
UPDATE outbox SET status = 'pending', next_at = :now, ended_at = NULL, expires_at = :expires_at WHERE id = :id;

-- name: waiting_bytes
SELECT COALESCE(SUM(size), 0) FROM outbox WHERE organization_id = :organization_id AND next_at IS NOT NULL;

-- name: heavy
-- The organizations whose waiting messages have more bytes than this.
SELECT organization_id, SUM(size) FROM outbox WHERE next_at IS NOT NULL GROUP BY organization_id HAVING SUM(size) > :most;

-- name: oldest_waiting
SELECT id, size FROM outbox
WHERE organization_id = :organization_id AND next_at IS NOT NULL AND in_flight = 0 ORDER BY id LIMIT :limit;

-- name: give_up
-- lists: ids bigint
UPDATE outbox SET status = 'failed', next_at = NULL, in_flight = 0, ended_at = :now, answer = :answer
WHERE id IN {ids} AND next_at IS NOT NULL AND in_flight = 0;

-- name: ended
SELECT id FROM outbox WHERE ended_at IS NOT NULL AND ended_at < :before ORDER BY ended_at LIMIT :limit;

-- name: delete
-- lists: ids bigint
DELETE FROM outbox WHERE id IN {ids};

-- name: check
-- How many messages wait, how many are overdue, and how many have waited for long. For the operator.
SELECT COUNT(*), COALESCE(SUM(CASE WHEN next_at < :overdue THEN 1 ELSE 0 END), 0),
       COALESCE(SUM(CASE WHEN created_at < :old THEN 1 ELSE 0 END), 0)
FROM outbox WHERE next_at IS NOT NULL;

-- name: failing
-- The destinations that get no message at present. For the operator.
SELECT organization_id, destination, failures FROM webhook_destination
WHERE open_until IS NOT NULL ORDER BY organization_id, destination LIMIT :limit;

-- name: secrets
-- rows: organization_id bigint, subscription_id text
SELECT s.organization_id, s.subscription_id, s.salt, s.previous, s.previous_until
FROM {rows} r
JOIN webhook_secret s ON s.organization_id = r.organization_id AND s.subscription_id = r.subscription_id;

-- name: make_secrets
-- rows: organization_id bigint, subscription_id text, salt text, now bigint
INSERT INTO webhook_secret (organization_id, subscription_id, salt, created_at)
SELECT r.organization_id, r.subscription_id, r.salt, r.now FROM {rows} r WHERE true
ON CONFLICT (organization_id, subscription_id) DO NOTHING;

-- name: rotate_secret
INSERT INTO webhook_secret (organization_id, subscription_id, salt, created_at)
VALUES (:organization_id, :subscription_id, :salt, :now)
ON CONFLICT (organization_id, subscription_id) DO UPDATE
SET previous = webhook_secret.salt, previous_until = :previous_until, salt = excluded.salt,
    created_at = excluded.created_at;

-- name: forget_secret
DELETE FROM webhook_secret WHERE organization_id = :organization_id AND subscription_id = :subscription_id;
