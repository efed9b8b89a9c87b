-- name: paused_jobs
-- lists: ids bigint
SELECT id, paused_at FROM job WHERE id IN {ids} AND organization_id = :organization_id AND paused_at IS NOT NULL;

-- name: items
-- The open items of each task: how many there are, how many are leased, how many wait for others of the task, the first
-- that may start now, and the earliest time for which one waits.
-- lists: ids bigint
SELECT job_id, ordinal, COUNT(*) AS items, COUNT(lease_until) AS running,
       COUNT(CASE WHEN lease_until IS NULL AND held IN (1, 3) THEN 1 END) AS limited,
       MIN(CASE WHEN lease_until IS NULL AND held = 0 AND not_before <= :now THEN item END) AS first_item,
       MIN(CASE WHEN lease_until IS NULL AND not_before > :now THEN not_before END) AS later_at,
       MIN(CASE WHEN lease_until IS NULL AND held = 0 AND not_before <= :now THEN turn_at END) AS turn_at,
       MIN(priority) AS priority, MIN(due_at) AS due_at
FROM work_item
WHERE job_id IN {ids} AND organization_id = :organization_id
GROUP BY job_id, ordinal;

-- name: later
-- The items that wait for exactly this time, and why their last attempt failed.
-- rows: organization_id bigint, job_id bigint, ordinal int, at bigint
SELECT w.job_id, w.ordinal, w.not_before, w.attempts, a.failure_reason, a.failure_message
FROM {rows} r
JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.not_before = r.at
  AND w.organization_id = r.organization_id AND w.lease_until IS NULL
LEFT JOIN attempt a ON a.job_id = w.job_id AND a.ordinal = w.ordinal AND a.item = w.item AND a.number = w.attempts;

-- name: lanes
-- The engines for which the organization has waiting items in the pool, found by steps through the index.
WITH RECURSIVE lane (engine_id) AS (
  SELECT MIN(engine_id) FROM work_item
  WHERE pool = :pool AND organization_id = :organization_id AND lease_until IS NULL AND held = 0
  UNION ALL
  SELECT (SELECT MIN(w.engine_id) FROM work_item w
          WHERE w.pool = :pool AND w.organization_id = :organization_id AND w.lease_until IS NULL AND w.held = 0
            AND w.engine_id > lane.engine_id)
  FROM lane WHERE lane.engine_id IS NOT NULL)
SELECT engine_id FROM lane WHERE engine_id IS NOT NULL;

-- name: first_of_lane
SELECT priority, due_at, turn_at, job_id, ordinal, item
FROM work_item
WHERE pool = :pool AND organization_id = :organization_id AND engine_id = :engine_id AND lease_until IS NULL AND held = 0
  AND not_before <= :now
ORDER BY priority, due_at, turn_at, job_id, ordinal, item
LIMIT :limit;

-- name: engines
-- Every engine that the organization may use.
SELECT id, name, state, unavailable_until, unavailable_reason, unavailable_probes FROM engine
WHERE organization_id IS NULL OR organization_id = :organization_id;
