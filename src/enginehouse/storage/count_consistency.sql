-- The stored numbers beside those of the rows that they count, where they differ.

-- name: jobs
-- The jobs of each status.
SELECT organization_id, status, CAST(SUM(stored) AS BIGINT) AS stored, CAST(SUM(counted) AS BIGINT) AS counted
FROM (
  SELECT organization_id, status, jobs AS stored, 0 AS counted FROM job_count WHERE engine_id = '' AND reason = ''
  UNION ALL SELECT organization_id, status, 0, COUNT(*) FROM job GROUP BY organization_id, status
) numbers
GROUP BY organization_id, status
HAVING SUM(stored) <> SUM(counted)
ORDER BY organization_id, status
LIMIT :limit;

-- name: failures
-- The jobs of which a task has failed, by the reason.
SELECT organization_id, reason, CAST(SUM(stored) AS BIGINT) AS stored, CAST(SUM(counted) AS BIGINT) AS counted
FROM (
  SELECT organization_id, reason, jobs AS stored, 0 AS counted FROM job_count WHERE engine_id = '' AND reason <> ''
  UNION ALL
  SELECT j.organization_id, t.failure_reason, 0, COUNT(DISTINCT j.id) FROM job j JOIN task t ON t.job_id = j.id
  WHERE t.status = 'failed' AND t.failure_reason <> '' GROUP BY j.organization_id, t.failure_reason
) numbers
GROUP BY organization_id, reason
HAVING SUM(stored) <> SUM(counted)
ORDER BY organization_id, reason
LIMIT :limit;

-- name: engines
-- The jobs of each engine.
SELECT organization_id, engine_id, CAST(SUM(stored) AS BIGINT) AS stored, CAST(SUM(counted) AS BIGINT) AS counted
FROM (
  SELECT organization_id, engine_id, jobs AS stored, 0 AS counted FROM job_count WHERE engine_id <> ''
  UNION ALL SELECT organization_id, engine_id, 0, COUNT(*) FROM job_engine GROUP BY organization_id, engine_id
) numbers
GROUP BY organization_id, engine_id
HAVING SUM(stored) <> SUM(counted)
ORDER BY organization_id, engine_id
LIMIT :limit;

-- name: schedules
-- The jobs of each schedule.
SELECT organization_id, schedule_id, CAST(SUM(stored) AS BIGINT) AS stored, CAST(SUM(counted) AS BIGINT) AS counted
FROM (
  SELECT organization_id, schedule_id, jobs AS stored, 0 AS counted FROM schedule_job_count
  UNION ALL
  SELECT organization_id, scheduled_job_id, 0, COUNT(*) FROM job WHERE scheduled_job_id IS NOT NULL
  GROUP BY organization_id, scheduled_job_id
) numbers
GROUP BY organization_id, schedule_id
HAVING SUM(stored) <> SUM(counted)
ORDER BY organization_id, schedule_id
LIMIT :limit;

-- name: tasks
-- The tasks of each engine and kind; without an engine, those that are shown as aborted while their rows say this.
SELECT organization_id, engine_id, status, reason, backlog, CAST(SUM(stored) AS BIGINT) AS stored,
       CAST(SUM(counted) AS BIGINT) AS counted
FROM (
  SELECT organization_id, engine_id, status, reason, backlog, tasks AS stored, 0 AS counted FROM job_count
  UNION ALL
  SELECT j.organization_id, t.engine_id, t.status,
         CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END,
         CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END, 0, 1
  FROM job j JOIN task t ON t.job_id = j.id WHERE t.deleted_at IS NULL
  UNION ALL
  SELECT j.organization_id, '', t.status, '',
         CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END, 0, 1
  FROM job j JOIN task t ON t.job_id = j.id
  WHERE t.deleted_at IS NULL AND j.cancelled = 1 AND t.status NOT IN ('complete', 'failed', 'aborted')
    AND t.items_running = 0
) numbers
GROUP BY organization_id, engine_id, status, reason, backlog
HAVING SUM(stored) <> SUM(counted)
ORDER BY organization_id, engine_id, status, reason, backlog
LIMIT :limit;
