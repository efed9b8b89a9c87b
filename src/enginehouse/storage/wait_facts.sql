-- name: items
-- The open items of each task: how many there are, how many are leased, how many wait for others of the task, how many
-- wait for these or for their time, the first that may start now, and the earliest time for which one waits.
-- lists: ids bigint
SELECT job_id, ordinal, COUNT(*) AS items, COUNT(lease_until) AS running,
       COUNT(CASE WHEN lease_until IS NULL AND held IN (1, 3) THEN 1 END) AS limited,
       COUNT(CASE WHEN lease_until IS NULL AND (held > 0 OR not_before > :now) THEN 1 END) AS kept,
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
-- The lanes of the organization in each pool that have waiting items, found by steps through the index, each with its
-- first items that may start now, as JSON. More than `wait_reasons.explanation.COUNTED` of them are not told apart.
-- rows: pool text, organization_id bigint, now bigint
WITH RECURSIVE lane (pool, organization_id, now, engine_id) AS (
  SELECT r.pool, r.organization_id, r.now,
         (SELECT MIN(w.engine_id) FROM work_item w
          WHERE w.pool = r.pool AND w.organization_id = r.organization_id AND w.lease_until IS NULL AND w.held = 0)
  FROM {rows} r
  UNION ALL
  SELECT lane.pool, lane.organization_id, lane.now,
         (SELECT MIN(w.engine_id) FROM work_item w
          WHERE w.pool = lane.pool AND w.organization_id = lane.organization_id AND w.lease_until IS NULL AND w.held = 0
            AND w.engine_id > lane.engine_id)
  FROM lane WHERE lane.engine_id IS NOT NULL)
SELECT lane.pool, lane.engine_id,
       CAST((SELECT {list_of}({tuple_of}(f.priority, f.due_at, f.turn_at, f.job_id, f.ordinal, f.item))
             FROM (SELECT w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item
                   FROM work_item w
                   WHERE w.pool = lane.pool AND w.organization_id = lane.organization_id AND w.engine_id = lane.engine_id
                     AND w.lease_until IS NULL AND w.held = 0 AND w.not_before <= lane.now
                   ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item
                   LIMIT 1001) f) AS TEXT) AS items
FROM lane
WHERE lane.engine_id IS NOT NULL;

-- name: engines
-- Every engine that the organization may use, with its limit, and with what is set for the organization.
SELECT e.id, e.name, e.state, e.unavailable_until, e.unavailable_reason, e.unavailable_probes,
       CASE WHEN e.unavailable_probes > 0 AND COALESCE(e.running_limit, 1) > 0 THEN 1 ELSE e.running_limit END AS running_limit,
       o.running_limit AS organization_limit, o.paused_at AS organization_paused_at
FROM engine e LEFT JOIN organization o ON o.id = :organization_id
WHERE e.organization_id IS NULL OR e.organization_id = :organization_id;

-- name: leases
-- How many attempts run, by organization, engine and pool.
SELECT organization_id, engine_id, pool, COUNT(*) AS attempts FROM work_item
WHERE lease_until IS NOT NULL
GROUP BY organization_id, engine_id, pool;
