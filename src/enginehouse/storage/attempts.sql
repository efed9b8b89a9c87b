-- name: attempts
-- A page of the attempts of each of these tasks, by item and number. A running attempt comes from its work item.
-- rows: job_id bigint, ordinal int, organization_id bigint, skipped int, wanted int
SELECT y.job_id, y.ordinal, y.skipped, y.wanted, y.item, y.number, y.token, y.worker, y.started_at, y.ended_at, y.outcome,
       y.failure_reason, y.failure_message, y.stop_requested_at, y.stop_signalled_at
FROM (
  SELECT x.*, ROW_NUMBER() OVER (PARTITION BY x.job_id, x.ordinal, x.skipped, x.wanted ORDER BY x.item, x.number) AS place
  FROM (
    SELECT r.job_id, r.ordinal, r.organization_id, r.skipped, r.wanted, a.item, a.number, a.token, a.worker, a.started_at,
           a.ended_at, a.outcome, a.failure_reason, a.failure_message, a.stop_requested_at, a.stop_signalled_at
    FROM {rows} r JOIN attempt a ON a.job_id = r.job_id AND a.ordinal = r.ordinal
    UNION ALL
    SELECT r.job_id, r.ordinal, r.organization_id, r.skipped, r.wanted, w.item, w.attempts, w.token, w.worker, w.started_at,
           NULL, 'running', NULL, NULL, w.stop_requested_at, w.stop_signalled_at
    FROM {rows} r JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal
    WHERE w.lease_until IS NOT NULL
  ) x
  JOIN job j ON j.id = x.job_id AND j.organization_id = x.organization_id
) y
WHERE y.place > y.skipped AND y.place <= y.skipped + y.wanted
ORDER BY y.job_id, y.ordinal, y.skipped, y.wanted, y.place;

-- name: of_job
-- The attempts of a job after one of them, in the order of tasks, items and numbers.
SELECT a.ordinal, a.item, a.number, a.token, a.worker, a.started_at, a.ended_at, a.outcome, a.failure_reason, a.failure_message,
       a.stop_requested_at, a.stop_signalled_at
FROM job j JOIN attempt a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal >= :ordinal
  AND (a.ordinal, a.item, a.number) > (:ordinal, :item, :number)
UNION ALL
SELECT w.ordinal, w.item, w.attempts, w.token, w.worker, w.started_at, NULL, 'running', NULL, NULL, w.stop_requested_at,
       w.stop_signalled_at
FROM work_item w
WHERE w.job_id = :job_id AND w.organization_id = :organization_id AND w.lease_until IS NOT NULL AND w.ordinal >= :ordinal
  AND (w.ordinal, w.item, w.attempts) > (:ordinal, :item, :number)
ORDER BY ordinal, item, number
LIMIT :limit;

-- name: one
-- One attempt, ended or running.
SELECT a.ordinal, a.item, a.number, a.token, a.worker, a.started_at, a.ended_at, a.outcome, a.failure_reason, a.failure_message,
       a.stop_requested_at, a.stop_signalled_at
FROM job j JOIN attempt a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal AND a.item = :item
  AND a.number = :number
UNION ALL
SELECT w.ordinal, w.item, w.attempts, w.token, w.worker, w.started_at, NULL, 'running', NULL, NULL, w.stop_requested_at,
       w.stop_signalled_at
FROM work_item w
WHERE w.job_id = :job_id AND w.organization_id = :organization_id AND w.ordinal = :ordinal AND w.item = :item
  AND w.attempts = :number AND w.lease_until IS NOT NULL;

-- name: newest_running
-- The attempt of the task that started last among those that run.
SELECT w.ordinal, w.item, w.attempts AS number, w.token, w.worker, w.started_at, CAST(NULL AS BIGINT) AS ended_at, 'running' AS outcome,
       CAST(NULL AS TEXT) AS failure_reason, CAST(NULL AS TEXT) AS failure_message, w.stop_requested_at,
       w.stop_signalled_at
FROM work_item w
WHERE w.job_id = :job_id AND w.organization_id = :organization_id AND w.ordinal = :ordinal AND w.lease_until IS NOT NULL
ORDER BY w.started_at DESC, w.item DESC
LIMIT 1;

-- name: newest_ended
-- The attempt of the task that started last among those that have ended.
SELECT a.ordinal, a.item, a.number, a.token, a.worker, a.started_at, a.ended_at, a.outcome, a.failure_reason, a.failure_message,
       a.stop_requested_at, a.stop_signalled_at
FROM job j JOIN attempt a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal
ORDER BY a.started_at DESC, a.item DESC, a.number DESC
LIMIT 1;

-- name: worker
-- The worker that runs the attempt.
SELECT w.worker
FROM job j JOIN work_item w ON w.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND w.ordinal = :ordinal AND w.item = :item
  AND w.attempts = :number AND w.lease_until IS NOT NULL;

-- name: of_worker
-- The last attempts of the organization that the worker has run for the engine, running ones too, the newest job first.
-- Only the last jobs with the engine are looked at: no index knows the worker.
SELECT x.job_id, x.ordinal, x.item, x.number, x.running
FROM (SELECT a.job_id, a.ordinal, a.item, a.number, 0 AS running
      FROM (SELECT e.job_id AS id FROM job_engine e
            WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id
            ORDER BY e.job_id DESC LIMIT :jobs) j
      CROSS JOIN task t CROSS JOIN attempt a
      WHERE {task_of_job} AND t.engine_id = :engine_id AND {attempt_of_task} AND a.worker = :worker
      UNION ALL
      SELECT w.job_id, w.ordinal, w.item, w.attempts, 1
      FROM work_item w
      WHERE w.lease_until > 0 AND w.worker = :worker AND w.engine_id = :engine_id
        AND w.organization_id = :organization_id) x
ORDER BY x.job_id DESC, x.ordinal, x.item, x.number
LIMIT :limit;

-- name: insert
-- Writes each attempt once, in the transaction that ends it.
-- alike: item number worker ended_at outcome failure_reason failure_message stop_requested_at stop_signalled_at
-- rows: job_id bigint, ordinal int, item int, number int, token bigint, worker text, started_at bigint, ended_at bigint, outcome text, failure_reason text, failure_message text, stop_requested_at bigint, stop_signalled_at bigint
INSERT INTO attempt (job_id, ordinal, item, number, token, worker, started_at, ended_at, outcome, failure_reason, failure_message,
                     stop_requested_at, stop_signalled_at)
SELECT r.job_id, r.ordinal, r.item, r.number, r.token, r.worker, r.started_at, r.ended_at, r.outcome, r.failure_reason, r.failure_message,
       r.stop_requested_at, r.stop_signalled_at
FROM {rows} r;
