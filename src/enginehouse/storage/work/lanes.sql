-- name: waiting
-- The lanes of a pool with an item that may start by `before`, and the settings of their organization and engine. The query
-- skips from one lane to the next in the index. Each step is a LIMIT 1 in the order of the index: MIN and EXISTS mean
-- the same, but a planner that expects few rows may scan all waiting items for them.
-- `owner`: the organizations with waiting items, each found from the one before. The last row is NULL, the end.
-- With `sizes`: how many items of the lane wait, and how many of them may start `now`, both counted up to `most`.
-- parts: sizes
WITH RECURSIVE owner (id) AS (
  SELECT (SELECT w.organization_id FROM work_item w
          WHERE w.pool = :pool AND w.lease_until IS NULL AND w.held = 0
          ORDER BY w.organization_id LIMIT 1)
  UNION ALL
  SELECT (SELECT w.organization_id FROM work_item w
          WHERE w.pool = :pool AND w.organization_id > owner.id AND w.lease_until IS NULL AND w.held = 0
          ORDER BY w.organization_id LIMIT 1)
  FROM owner WHERE owner.id IS NOT NULL
), lane (organization_id, engine_id) AS (
  -- The engines of each organization's waiting items, found the same way.
  SELECT owner.id, (SELECT w.engine_id FROM work_item w
                    WHERE w.pool = :pool AND w.organization_id = owner.id AND w.lease_until IS NULL AND w.held = 0
                    ORDER BY w.engine_id LIMIT 1)
  FROM owner WHERE owner.id IS NOT NULL
  UNION ALL
  SELECT lane.organization_id,
         (SELECT w.engine_id FROM work_item w
          WHERE w.pool = :pool AND w.organization_id = lane.organization_id AND w.engine_id > lane.engine_id
            AND w.lease_until IS NULL AND w.held = 0
          ORDER BY w.engine_id LIMIT 1)
  FROM lane WHERE lane.engine_id IS NOT NULL
)
-- `not_before` is checked only here, because the index of the steps above does not have it. Leases are not counted.
-- An engine over HTTP that was unavailable gets one call, before it may have more.
SELECT lane.organization_id, lane.engine_id, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state,
       CASE WHEN e.unavailable_probes > 0 AND COALESCE(e.running_limit, 1) > 0 THEN 1 ELSE e.running_limit END AS engine_limit, e.unavailable_until
       -- if: sizes
       , (SELECT COUNT(*) FROM (SELECT w.job_id FROM work_item w WHERE w.pool = :pool AND w.organization_id = lane.organization_id AND w.engine_id = lane.engine_id AND w.lease_until IS NULL AND w.held = 0 ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item LIMIT :most) counted) AS waiting
       -- if: sizes
       , (SELECT COUNT(*) FROM (SELECT w.job_id FROM work_item w WHERE w.pool = :pool AND w.organization_id = lane.organization_id AND w.engine_id = lane.engine_id AND w.lease_until IS NULL AND w.held = 0 AND w.not_before <= :now ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item LIMIT :most) counted) AS in_time
FROM lane
LEFT JOIN organization o ON o.id = lane.organization_id
LEFT JOIN engine e ON e.id = lane.engine_id
WHERE lane.engine_id IS NOT NULL
  AND (SELECT w.job_id FROM work_item w
       WHERE w.pool = :pool AND w.organization_id = lane.organization_id AND w.engine_id = lane.engine_id
         AND w.lease_until IS NULL AND w.held = 0 AND w.not_before <= :before
       ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item LIMIT 1) IS NOT NULL;

-- name: leased
-- How many items of each engine are leased, in each pool.
SELECT w.pool, w.engine_id, COUNT(*) AS items FROM work_item w WHERE w.lease_until IS NOT NULL GROUP BY w.pool, w.engine_id;

-- name: count
-- How many items of a lane may start now, counted up to `most`.
SELECT COUNT(*) AS items
FROM (SELECT w.job_id FROM work_item w
      WHERE w.pool = :pool AND w.organization_id = :organization_id AND w.engine_id = :engine_id
        AND w.lease_until IS NULL AND w.held = 0 AND w.not_before <= :now
      ORDER BY w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item LIMIT :most) counted;

-- name: first_of_each
-- The first items of each lane in their order, locked, with the lane's current settings and whether its organization
-- has an open bulk cancel. Paused lanes and those of unavailable engines are left out. Must come after the barrier lock, so that its snapshot shows
-- every committed pause. Must not join the job: a later statement must read the job's row, because its snapshot shows
-- a cancel that was committed meanwhile.
-- only: postgres
-- rows: pool text, organization_id bigint, engine_id text, most int
SELECT s.organization_id, s.engine_id, s.weight, s.organization_limit, s.paused_at, s.state, s.engine_limit, s.unavailable_until,
       s.barred,
       w.priority, w.due_at, w.turn_at, w.job_id, w.ordinal, w.item, s.now AS read_at
FROM (SELECT r.*, {clock} AS now, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state,
             CASE WHEN e.unavailable_probes > 0 AND COALESCE(e.running_limit, 1) > 0 THEN 1 ELSE e.running_limit END AS engine_limit, e.unavailable_until,
             EXISTS (SELECT 1 FROM barrier b
                     WHERE b.organization_id = r.organization_id AND b.settled_at IS NULL) AS barred
      FROM {rows} r
      LEFT JOIN organization o ON o.id = r.organization_id
      LEFT JOIN engine e ON e.id = r.engine_id
      WHERE o.paused_at IS NULL AND COALESCE(e.state, 'active') = 'active' AND e.unavailable_until IS NULL) s
-- The lock is inside, after the limit, so that only the returned items are locked.
CROSS JOIN LATERAL (
  SELECT i.priority, i.due_at, i.turn_at, i.job_id, i.ordinal, i.item
  FROM work_item i
  WHERE i.pool = s.pool AND i.organization_id = s.organization_id AND i.engine_id = s.engine_id
    AND i.lease_until IS NULL AND i.held = 0 AND i.not_before <= s.now
  ORDER BY i.priority, i.due_at, i.turn_at, i.job_id, i.ordinal, i.item
  LIMIT s.most
  FOR UPDATE SKIP LOCKED) w;

-- name: settings
-- The settings of these lanes; paused lanes and those of unavailable engines are left out.
-- only: sqlite
-- apart: rows
-- rows: organization_id bigint, engine_id text
SELECT r.organization_id, r.engine_id, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state,
       CASE WHEN e.unavailable_probes > 0 AND COALESCE(e.running_limit, 1) > 0 THEN 1 ELSE e.running_limit END AS engine_limit, e.unavailable_until,
       EXISTS (SELECT 1 FROM barrier b WHERE b.organization_id = r.organization_id AND b.settled_at IS NULL) AS barred
FROM {rows} r
LEFT JOIN organization o ON o.id = r.organization_id
LEFT JOIN engine e ON e.id = r.engine_id
WHERE o.paused_at IS NULL AND COALESCE(e.state, 'active') = 'active' AND e.unavailable_until IS NULL;

-- name: first
-- The first items of one lane in their order. SQLite has one writer, so it needs no lock.
-- only: sqlite
SELECT priority, due_at, turn_at, job_id, ordinal, item
FROM work_item
WHERE pool = :pool AND organization_id = :organization_id AND engine_id = :engine_id
  AND lease_until IS NULL AND held = 0 AND not_before <= :now
ORDER BY priority, due_at, turn_at, job_id, ordinal, item
LIMIT :most;

-- name: uncovered
-- The jobs that no open bulk cancel covers. This only reduces the candidates: work.claimable_jobs decides whether a job
-- may start.
-- lists: ids bigint
SELECT j.id
FROM job j
WHERE j.id IN {ids} AND j.cancelled = 0 AND NOT {halted:j};

-- name: unmarked_of_each
-- The tasks of the first items of each lane that are not `queued` yet. Nothing is locked: the tasks are read again
-- under the locks of their jobs.
-- only: postgres
-- rows: pool text, organization_id bigint, engine_id text, now bigint, most int
SELECT DISTINCT w.job_id, w.ordinal
FROM {rows} r
CROSS JOIN LATERAL (
  SELECT i.job_id, i.ordinal
  FROM work_item i
  WHERE i.pool = r.pool AND i.organization_id = r.organization_id AND i.engine_id = r.engine_id
    AND i.lease_until IS NULL AND i.held = 0 AND i.not_before <= r.now
  ORDER BY i.priority, i.due_at, i.turn_at, i.job_id, i.ordinal, i.item
  LIMIT r.most) w
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE t.status IN {status:queue};

-- name: unmarked
-- The same for one lane.
-- only: sqlite
SELECT DISTINCT w.job_id, w.ordinal
FROM (SELECT job_id, ordinal
      FROM work_item
      WHERE pool = :pool AND organization_id = :organization_id AND engine_id = :engine_id
        AND lease_until IS NULL AND held = 0 AND not_before <= :now
      ORDER BY priority, due_at, turn_at, job_id, ordinal, item
      LIMIT :most) w
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE t.status IN {status:queue};
