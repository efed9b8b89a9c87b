-- name: all_jobs
-- How many jobs of all organizations have each status by their rows: the sum of the counts, for the operator.
SELECT status, CAST(SUM(jobs) AS BIGINT) FROM job_count WHERE engine_id = '' AND reason = '' GROUP BY status;

-- name: jobs
-- How many of the organization's jobs that were created in the range each status has, and each mark in time.
-- parts: at_once by_mark of_engines
-- lists: engine_ids text
-- if: at_once
SELECT CASE WHEN j.cancellable_since IS NOT NULL AND {covered:j} THEN 'aborted' ELSE j.status END AS word, 0 AS mark, COUNT(*) AS jobs
-- if: by_mark
SELECT CASE WHEN j.cancellable_since IS NOT NULL AND {covered:j} THEN 'aborted' ELSE j.status END AS word, (j.created_at - :first_mark) / :step AS mark, COUNT(*) AS jobs
FROM job j
WHERE j.organization_id = :organization_id
  AND j.id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: of_engines
  AND EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.engine_id IN {engine_ids} LIMIT 1 OFFSET 0)
GROUP BY 1, 2;

-- name: backlog
-- By how many tasks the backlog of each engine and priority has changed at each mark: a task comes with its job, and goes with its
-- first attempt, or with its end. Marks are `step` apart; 0 is everything up to the first one. A job that ended before
-- the first mark changes nothing.
WITH stay AS (
  SELECT t.engine_id, t.priority, j.created_at AS came,
         COALESCE(t.started_at, t.completed_at, t.aborted_at, {covered_at:j}, j.aborted_at, j.stop_requested_at) AS gone
  FROM job j CROSS JOIN task t
  WHERE {task_of_job} AND j.organization_id = :organization_id AND j.status IN ('pending', 'queued', 'running')
    AND j.created_at <= :last AND t.reused_from IS NULL
  UNION ALL
  SELECT t.engine_id, t.priority, j.created_at, COALESCE(t.started_at, t.completed_at, t.aborted_at, j.aborted_at, j.stop_requested_at)
  FROM job j CROSS JOIN task t
  WHERE {task_of_job} AND j.organization_id = :organization_id AND j.status IN ('complete', 'failed', 'aborted')
    AND j.modified_at >= :first AND j.created_at <= :last AND t.reused_from IS NULL
)
SELECT c.engine_id, c.priority, c.mark, SUM(c.change) AS change
FROM (SELECT s.engine_id, s.priority, 1 AS change,
             CASE WHEN s.came <= :first THEN 0 ELSE (s.came - :first + :step - 1) / :step END AS mark
      FROM stay s
      UNION ALL
      SELECT s.engine_id, s.priority, -1, CASE WHEN s.gone <= :first THEN 0 ELSE (s.gone - :first + :step - 1) / :step END
      FROM stay s WHERE s.gone <= :last) c
GROUP BY c.engine_id, c.priority, c.mark;

-- name: running
-- How many attempts of the organization's tasks each worker runs, by engine.
SELECT w.engine_id, w.worker, COUNT(*) AS attempts
FROM work_item w
WHERE w.lease_until IS NOT NULL AND w.organization_id = :organization_id
  AND w.started_at BETWEEN :started_from AND :started_to
GROUP BY w.engine_id, w.worker;

-- name: waiting
-- How many tasks of each engine and priority may start and wait for their first attempt.
SELECT f.engine_id, f.priority, COUNT(*) AS tasks
FROM (SELECT t.engine_id,
             (SELECT MIN(w.priority) FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal) AS priority
      FROM job j CROSS JOIN task t
      WHERE {task_of_job} AND j.organization_id = :organization_id AND j.status IN ('pending', 'queued', 'running')
        AND t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted') f
WHERE f.priority IS NOT NULL
GROUP BY f.engine_id, f.priority
ORDER BY f.engine_id, f.priority;

-- name: work
-- How many items of the organization wait for a worker slot and how many run, by engine. Those that wait are counted up to
-- 1000, so that a long queue costs no more; in the order of the index, because without it PostgreSQL looks for the items of
-- an engine that has none among all that wait.
-- rows: pool text, organization_id bigint, engine_id text
SELECT r.engine_id,
       (SELECT COUNT(*) FROM (SELECT w.job_id FROM work_item w
                              WHERE w.pool = r.pool AND w.organization_id = r.organization_id AND w.engine_id = r.engine_id
                                AND w.lease_until IS NULL AND w.held = 0
                              ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item LIMIT 1000) counted) AS waiting,
       COALESCE(l.running, 0) AS running
FROM {rows} r
LEFT JOIN (SELECT w.organization_id, w.engine_id, COUNT(*) AS running FROM work_item w
           WHERE w.lease_until IS NOT NULL GROUP BY w.organization_id, w.engine_id) l
  ON l.organization_id = r.organization_id AND l.engine_id = r.engine_id;

-- name: failures
-- The failed tasks of the organization's jobs that failed last, since a moment.
SELECT t.job_id, t.ordinal, t.engine_id, t.failure_reason AS reason, j.modified_at AS at
FROM (SELECT id, modified_at FROM job
      WHERE organization_id = :organization_id AND status = 'failed' AND modified_at >= :since
      ORDER BY modified_at DESC, id DESC LIMIT :jobs) j CROSS JOIN task t
WHERE {task_of_job} AND t.status = 'failed'
ORDER BY j.modified_at DESC, t.job_id DESC, t.ordinal LIMIT :tasks;

-- name: running_tasks
-- The tasks of the organization that run now, with their workers: those that began last come first.
SELECT w.worker, w.job_id, w.ordinal, w.engine_id, MAX(w.started_at) AS started_at, COUNT(*) AS items
FROM work_item w
WHERE w.lease_until IS NOT NULL AND w.organization_id = :organization_id
GROUP BY w.worker, w.job_id, w.ordinal, w.engine_id
ORDER BY 5 DESC, 2, 3 LIMIT :limit;
