-- name: all_due
UPDATE work_item SET not_before = 0;

-- name: pass_turns
UPDATE work_item SET turn_at = turn_at - :micros;

-- name: lock_to_cancel_unlocked
-- rows: id bigint, organization_id bigint
SELECT j.id, j.organization_id, j.status, j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed,
       j.tasks_aborted, j.completed_at, j.cancelled, j.stopping, 0, 0, j.tasks_ready, j.has_standby
FROM job j WHERE (j.id, j.organization_id) IN (SELECT r.id, r.organization_id FROM {rows} r) ORDER BY j.id;

-- name: naive_claim
-- The usual mistake: the job is joined and not locked.
UPDATE work_item SET lease_until = :until, worker = 'w', attempts = work_item.attempts + 1
WHERE (job_id, ordinal, item) IN (
  SELECT w.job_id, w.ordinal, w.item FROM work_item w JOIN job j ON j.id = w.job_id
  WHERE w.lease_until IS NULL AND j.cancelled = 0
  ORDER BY w.job_id, w.ordinal LIMIT 4 FOR UPDATE OF w SKIP LOCKED)
RETURNING job_id, ordinal;

-- name: naive_start
-- rows: job_id bigint, ordinal int
UPDATE task SET status = 'running', attempts = task.attempts + 1 FROM {rows} r
WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: naive_cancel
UPDATE job SET status = 'aborted', cancelled = 1, cancellable_since = NULL
WHERE id = :id AND cancelled = 0
  AND NOT EXISTS (SELECT 1 FROM task t WHERE t.job_id = job.id AND t.status = 'running');

-- name: lock_jobs_unlocked
-- lists: ids bigint
SELECT id, organization_id, status, cancelled, started_at, tasks_total, tasks_queued, tasks_running,
       tasks_complete, tasks_failed, tasks_aborted, target_id, stopping, paused_at, plan_revision, tasks_ready, 0, 0
FROM job WHERE id IN {ids} ORDER BY id;

-- name: starts_of_cancelled_jobs
SELECT COUNT(*) FROM job j JOIN task t ON t.job_id = j.id WHERE j.cancelled = 1 AND t.attempts > 0;

-- name: cancelled_jobs
SELECT COUNT(*) FROM job WHERE cancelled = 1;

-- name: items_left
SELECT COUNT(*) FROM work_item;

-- name: drifted_jobs
-- Jobs whose counts differ from those of their task rows.
SELECT COUNT(*) FROM job j
WHERE j.cancelled = 0 AND (
  j.tasks_running <> (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.status = 'running')
  OR j.tasks_complete <> (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.status = 'complete')
  OR j.tasks_queued <> (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.status = 'queued')
  OR j.tasks_failed <> (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.status = 'failed'));

-- name: job_rows
SELECT id, status, cancelled, started_at IS NOT NULL, tasks_total, tasks_queued, tasks_running, tasks_complete,
       tasks_failed, tasks_aborted, cancellable_since IS NOT NULL, completed_at IS NOT NULL, aborted_at IS NOT NULL,
       stopping, stop_requested_at IS NOT NULL, paused_at IS NOT NULL
FROM job ORDER BY id;

-- name: task_rows
SELECT job_id, ordinal, status, waits_for, items, items_open, items_running, items_failed, attempts,
       reused_from IS NOT NULL
FROM task ORDER BY job_id, ordinal;

-- name: item_rows
SELECT job_id, ordinal, item, lease_until IS NOT NULL, token, held FROM work_item ORDER BY job_id, ordinal, item;

-- name: let_all_go
UPDATE work_item SET held = 0 WHERE held IN (1, 3);

-- name: hold_all
UPDATE work_item SET held = held + 1 WHERE held IN (0, 2);

-- name: attempt_rows
SELECT job_id, ordinal, item, token, outcome FROM attempt ORDER BY job_id, ordinal, item, number;

-- name: count_rows
SELECT organization_id, status, CAST(SUM(jobs) AS BIGINT) FROM job_count WHERE engine_id = '' AND reason = ''
GROUP BY organization_id, status;

-- name: count_tasks
SELECT j.organization_id, COUNT(*) FROM job j JOIN task t ON t.job_id = j.id WHERE t.deleted_at IS NULL
GROUP BY j.organization_id;

-- name: stored_counts
-- The counts of tasks, and of the jobs of engines.
SELECT organization_id, engine_id, status, reason, backlog, CAST(SUM(jobs) AS BIGINT), CAST(SUM(tasks) AS BIGINT)
FROM job_count GROUP BY organization_id, engine_id, status, reason, backlog;

-- name: counted_tasks
-- What they must be. `unended`: shown as aborted, because the job was cancelled.
SELECT j.organization_id, t.engine_id, t.status,
       CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END AS reason,
       CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END AS backlog,
       CASE WHEN j.cancelled = 1 AND t.status NOT IN ('complete', 'failed', 'aborted') AND t.items_running = 0
            THEN 1 ELSE 0 END AS unended,
       COUNT(*) AS tasks
FROM job j JOIN task t ON t.job_id = j.id WHERE t.deleted_at IS NULL GROUP BY 1, 2, 3, 4, 5, 6;

-- name: counted_engines
SELECT organization_id, engine_id, COUNT(*) FROM job_engine GROUP BY organization_id, engine_id;

-- name: counted_failures
SELECT j.organization_id, t.failure_reason, COUNT(DISTINCT j.id) FROM job j JOIN task t ON t.job_id = j.id
WHERE t.status = 'failed' AND t.failure_reason <> '' GROUP BY j.organization_id, t.failure_reason;

-- name: stored_schedules
SELECT organization_id, schedule_id, CAST(SUM(jobs) AS BIGINT) FROM schedule_job_count GROUP BY organization_id, schedule_id;

-- name: counted_schedules
SELECT organization_id, scheduled_job_id, COUNT(*) FROM job WHERE scheduled_job_id IS NOT NULL
GROUP BY organization_id, scheduled_job_id;

-- name: engines_of_jobs
SELECT e.organization_id, e.job_id, e.engine_id, j.engine_set
FROM job_engine e JOIN job j ON j.id = e.job_id AND j.organization_id = e.organization_id;

-- name: forget_counts
DELETE FROM job_count;

-- name: forget_schedule_counts
DELETE FROM schedule_job_count;

-- name: recount_schedules
INSERT INTO schedule_job_count (organization_id, schedule_id, shard, jobs)
SELECT organization_id, scheduled_job_id, id % 3, COUNT(*) FROM job WHERE scheduled_job_id IS NOT NULL GROUP BY 1, 2, 3;

-- name: recount
-- The counts of all rows, in three shards.
INSERT INTO job_count (organization_id, engine_id, status, reason, backlog, shard, jobs, tasks)
SELECT organization_id, engine_id, status, reason, backlog, shard, SUM(jobs), SUM(tasks) FROM (
  SELECT organization_id, '' AS engine_id, status, '' AS reason, 0 AS backlog, id % 3 AS shard, 1 AS jobs, 0 AS tasks FROM job
  UNION ALL SELECT organization_id, engine_id, 'pending', '', 1, 0, 1, 0 FROM job_engine
  UNION ALL
  SELECT j.organization_id, '', 'failed', t.failure_reason, 0, 0, COUNT(DISTINCT j.id), 0
  FROM job j JOIN task t ON t.job_id = j.id WHERE t.status = 'failed' AND t.failure_reason <> '' GROUP BY 1, 4
  UNION ALL
  SELECT j.organization_id, t.engine_id, t.status,
         CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END,
         CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END, j.id % 3, 0, 1
  FROM job j JOIN task t ON t.job_id = j.id WHERE t.deleted_at IS NULL
  UNION ALL
  SELECT j.organization_id, '', t.status, '',
         CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END, j.id % 3, 0, 1
  FROM job j JOIN task t ON t.job_id = j.id
  WHERE t.deleted_at IS NULL AND j.cancelled = 1 AND t.status NOT IN ('complete', 'failed', 'aborted')
    AND t.items_running = 0) c
GROUP BY organization_id, engine_id, status, reason, backlog, shard;

-- name: ready_drift
-- Jobs that count their tasks in the backlog wrong.
SELECT j.id FROM job j WHERE j.tasks_ready <> (
  SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.status IN ('pending', 'queued') AND t.items_open > 0);

-- name: end_drift
-- Tasks that are not in the list of ended tasks as their rows say, and jobs that have ended before one of their tasks.
SELECT t.job_id, t.ordinal FROM task t JOIN job j ON j.id = t.job_id
WHERE t.organization_id <> j.organization_id
   OR COALESCE(t.ended_as, '') <> CASE WHEN t.status IN ('complete', 'failed', 'aborted') THEN t.status ELSE '' END
   OR COALESCE(t.ended_at, -1) <> CASE
        WHEN t.deleted_at IS NOT NULL THEN COALESCE(t.ended_at, -1)
        WHEN t.status IN ('complete', 'failed', 'aborted') THEN t.modified_at ELSE -1 END
   OR (j.status IN ('complete', 'failed') AND t.ended_at IS NULL);

-- name: claimable_tasks
-- How many tasks of each organization have an item that may be claimed.
SELECT o.id, (SELECT COUNT(*) FROM (SELECT DISTINCT w.job_id, w.ordinal FROM work_item w
                                   WHERE w.organization_id = o.id AND w.lease_until IS NULL AND w.held = 0) c)
FROM organization o;

-- name: stop_times
SELECT stop_requested_at, stop_signalled_at FROM work_item ORDER BY job_id, ordinal, item;

-- name: started
SELECT COUNT(*) FROM attempt;

-- name: items_of_ended_jobs
SELECT COUNT(*) FROM work_item w JOIN job j ON j.id = w.job_id WHERE j.status IN ('complete', 'failed', 'aborted');

-- name: starts_after_the_cancel
-- Attempts of cancelled jobs that began after the cancel, and starts without an ended attempt.
SELECT (SELECT COUNT(*) FROM attempt a JOIN job j ON j.id = a.job_id WHERE j.cancelled = 1 AND a.started_at > j.aborted_at)
     + (SELECT COUNT(*) FROM job j JOIN task t ON t.job_id = j.id WHERE j.cancelled = 1 AND t.attempts <>
         (SELECT COUNT(*) FROM attempt a WHERE a.job_id = t.job_id AND a.ordinal = t.ordinal));

-- name: organization
INSERT INTO organization (id, name, application_id, created_at, modified_at)
SELECT CAST(:id AS BIGINT), 'test', 'test', 0, 0 WHERE NOT EXISTS (SELECT 1 FROM organization WHERE id = :id);

-- name: slots_of_jobs
SELECT slot_at FROM job WHERE scheduled_job_id = :id ORDER BY slot_at;

-- name: schedules_due
UPDATE scheduled_job SET next_at = 1 WHERE next_at IS NOT NULL;

-- name: schedules_back
-- Moves the cursor and the calendar back by a little more than one slot.
UPDATE scheduled_job SET next_at = 1, anchor = anchor - 1001000000, decided = decided - 1001000000 WHERE id = :id;

-- name: schedule_stops
UPDATE scheduled_job SET next_at = 1, stop_at = 1 WHERE id = :id;

-- name: told
SELECT ordinal, kind, detail FROM event ORDER BY id;

-- name: count_a_reused_task
UPDATE job SET tasks_total = tasks_total + 1, tasks_complete = tasks_complete + 1 WHERE id = :id;

-- name: slots_wait
UPDATE schedule_slot SET outcome = 'queued' WHERE schedule_id = :id;

-- name: zone_gone
UPDATE scheduled_job SET timing = :timing WHERE id = :id;

-- name: move_schedule
-- Moves the schedule back in time, as if no server had looked at it since then.
UPDATE scheduled_job SET anchor = anchor - :by, decided = decided - :by, next_at = next_at - :by WHERE id = :id;

-- name: started_earlier
UPDATE job SET started_at = started_at - :by WHERE id = :id;

-- name: cursor_falls_back
UPDATE scheduled_job SET decided = decided - 500000000 WHERE id = :id;

-- name: rows_of_tables
SELECT 'job' AS name, COUNT(*) AS size FROM job
UNION ALL SELECT 'job_document', COUNT(*) FROM job_document
UNION ALL SELECT 'task', COUNT(*) FROM task
UNION ALL SELECT 'work_item', COUNT(*) FROM work_item
UNION ALL SELECT 'job_count', COUNT(*) FROM job_count
UNION ALL SELECT 'event', COUNT(*) FROM event
UNION ALL SELECT 'target', COUNT(*) FROM target
UNION ALL SELECT 'asset', COUNT(*) FROM asset
ORDER BY name;

-- name: add_engine
-- rows: organization_id bigint, engine_id text, job_id bigint
INSERT INTO job_engine (organization_id, engine_id, job_id) SELECT r.organization_id, r.engine_id, r.job_id FROM {rows} r;

-- name: add_task
-- rows: job_id bigint, ordinal int, engine_id text, modified_at bigint
INSERT INTO task (job_id, ordinal, status, engine_id, waits_for, items, items_open, modified_at, organization_id, ended_as,
                  ended_at)
SELECT r.job_id, r.ordinal, 'complete', r.engine_id, 0, 1, 1, r.modified_at,
       (SELECT j.organization_id FROM job j WHERE j.id = r.job_id), 'complete', r.modified_at
FROM {rows} r;

-- name: add_job
-- rows: id bigint, organization_id bigint, status text, target_id bigint, scheduled_job_id bigint, name text, core_id text, created_at bigint, modified_at bigint, cancellable_since bigint
INSERT INTO job (id, organization_id, status, tasks_total, target_id, scheduled_job_id, name, core_id, created_at, modified_at, cancellable_since, engine_set)
SELECT r.id, r.organization_id, r.status, 2, r.target_id, r.scheduled_job_id, r.name, r.core_id, r.created_at, r.modified_at, r.cancellable_since, 0
FROM {rows} r;

-- name: add_engine_sets
-- rows: id bigint, engine_set bigint
UPDATE job SET engine_set = r.engine_set FROM {rows} r WHERE job.id = r.id;

-- name: items_later
UPDATE work_item SET not_before = not_before + :by, lease_until = lease_until + :by, started_at = started_at + :by;

-- name: schedules_later
-- lists: ids bigint
UPDATE scheduled_job SET decided = decided + :by, anchor = anchor + :by, next_at = next_at + :by WHERE id IN {ids};

-- name: schedule_ended
-- Its stop has passed on the clock that was ahead.
UPDATE scheduled_job SET decided = decided + :by, next_at = NULL WHERE id = :id;

-- name: tokens_later
UPDATE token SET created_at = created_at + :by, expires_at = expires_at + :by;

-- name: put_slot
-- rows: schedule_id bigint, slot bigint, outcome text, last_slot bigint, slots bigint
INSERT INTO schedule_slot (schedule_id, slot, outcome, last_slot, slots, version, decided_at)
SELECT r.schedule_id, r.slot, r.outcome, r.last_slot, r.slots, 1, r.slot FROM {rows} r;

-- name: session_lasts
SELECT expires_at - created_at, created_at FROM token WHERE kind = 'session';

-- name: barriers_later
UPDATE barrier SET accepted_at = accepted_at + :by;

-- name: messages_due
-- The pauses of all waiting messages are over, and those of their destinations.
UPDATE outbox SET next_at = 0 WHERE next_at IS NOT NULL AND in_flight = 0;

-- name: leases_over
UPDATE outbox SET next_at = 0 WHERE in_flight = 1;

-- name: messages_expired
UPDATE outbox SET expires_at = 0;

-- name: destinations_due
UPDATE webhook_destination SET open_until = 1 WHERE open_until IS NOT NULL;

-- name: messages
SELECT message, kind, event, job_id, ordinal, url, status, attempts, in_flight FROM outbox ORDER BY id;

-- name: applications
SELECT application_id FROM organization ORDER BY id LIMIT 1;

-- name: messages_of_the_future
UPDATE outbox SET created_at = 5000000000000000, next_at = 5000000000000000, expires_at = 5000000000000001;

-- name: webhook_secrets
SELECT * FROM webhook_secret;

-- name: items_of_engine
SELECT job_id, ordinal, item FROM work_item
WHERE engine_id = :engine_id AND lease_until IS NULL ORDER BY job_id, ordinal, item LIMIT :most;
-- name: add_states
-- rows: job_id bigint, ordinal int, status text, items_open int, failure_reason text
UPDATE task
SET status = r.status, items_open = r.items_open, failure_reason = r.failure_reason,
    ended_as = CASE WHEN r.status IN ('complete', 'failed', 'aborted') THEN r.status END,
    ended_at = CASE WHEN r.status IN ('complete', 'failed', 'aborted') THEN task.modified_at END
FROM {rows} r WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: add_ends
-- rows: job_id bigint, cancelled int, aborted_at bigint, failed int, has_standby int
UPDATE job SET cancelled = r.cancelled, aborted_at = r.aborted_at, tasks_failed = r.failed, has_standby = r.has_standby
FROM {rows} r WHERE job.id = r.job_id;

-- name: add_tallies
-- The jobs count their tasks that are complete or aborted.
-- lists: ids bigint
UPDATE job
SET tasks_complete = (SELECT COUNT(*) FROM task t WHERE t.job_id = job.id AND t.status = 'complete'),
    tasks_aborted = (SELECT COUNT(*) FROM task t WHERE t.job_id = job.id AND t.status = 'aborted' AND job.has_standby = 0)
WHERE id IN {ids};

-- name: add_target
-- rows: id bigint, organization_id bigint, source_id bigint
INSERT INTO target (id, organization_id, status, start_at, stop_at, document, created_at, modified_at, source_id)
SELECT r.id, r.organization_id, 'recorded', 0, 0, '{}', 0, 0, r.source_id FROM {rows} r;

-- name: add_organization
-- rows: id bigint, application_id text
INSERT INTO organization (id, name, application_id, created_at, modified_at)
SELECT r.id, r.application_id, r.application_id, 0, 0 FROM {rows} r;

-- name: add_times
-- rows: job_id bigint, started_at bigint, completed_at bigint, aborted_at bigint
UPDATE task SET started_at = r.started_at, completed_at = r.completed_at, aborted_at = r.aborted_at
FROM {rows} r WHERE task.job_id = r.job_id;

-- name: add_abortion
-- rows: job_id bigint, aborted_at bigint
UPDATE job SET aborted_at = r.aborted_at FROM {rows} r WHERE job.id = r.job_id;

-- name: miscount
-- The counts of the job contradict its tasks.
UPDATE job SET tasks_complete = 0, tasks_failed = :failed, cancellable_since = NULL, status = :status WHERE id = :id;

-- name: artifact_keys
SELECT storage_key FROM artifact ORDER BY job_id, ordinal, folder, item, part;

-- name: age_worker
UPDATE worker SET seen_at = seen_at - :by WHERE name = :name;

-- name: endpoints
SELECT job_id, live FROM endpoint ORDER BY job_id;

-- name: push_items
SELECT job_id, ordinal, item FROM push_item ORDER BY job_id, ordinal, item;

-- name: turns
SELECT item, turn_at - not_before FROM work_item ORDER BY job_id, ordinal, item;

-- name: charges
SELECT failures, lost FROM work_item;

-- name: add_pauses
-- rows: job_id bigint, paused_at bigint
UPDATE job SET paused_at = r.paused_at FROM {rows} r WHERE job.id = r.job_id;

-- name: add_count
-- A shard that no transaction has written.
INSERT INTO job_count (organization_id, engine_id, status, reason, backlog, shard, jobs, tasks)
VALUES (1, :engine_id, :status, :reason, :backlog, 99, :jobs, :tasks);

-- name: miscount_schedules
INSERT INTO schedule_job_count (organization_id, schedule_id, shard, jobs) VALUES (1, 7, 99, 1);

-- name: forget_counts_of_schedules
DELETE FROM schedule_job_count;

-- name: other_engines
UPDATE job SET engine_set = engine_set - 1 WHERE status = 'complete';

-- name: unlisted_job
DELETE FROM job_engine WHERE job_id IN (SELECT id FROM job WHERE status = 'complete');

-- name: ended_otherwise
UPDATE task SET ended_as = 'failed' WHERE status = 'complete';

-- name: ended_at_another_time
UPDATE task SET ended_at = ended_at - 1 WHERE status = 'complete';

-- name: end_forgotten
UPDATE task SET ended_as = NULL, ended_at = NULL WHERE status = 'complete';

-- name: end_invented
UPDATE task SET ended_as = 'complete', ended_at = modified_at WHERE status = 'failed' OR status = 'pending';

-- name: foreign_task
UPDATE task SET organization_id = organization_id + 1 WHERE status = 'complete';
