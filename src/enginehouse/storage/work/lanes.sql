-- name: waiting
-- The lanes of a pool in which something may start now, found by skipping from one to the next in the index, with what
-- is set for their organization and engine. Every look is a LIMIT 1 in the order of the index: MIN and EXISTS say the
-- same, and are answered by going through everything that waits when a planner takes it to be little.
-- Organizations of which something waits, each found from the one before. The last row is NULL: there is no further
-- one.
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
  -- The engines that each of them waits for, found the same way.
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
-- `not_before` is asked only here: it is not in the index that the steps above skip through. Leases are not counted.
SELECT lane.organization_id, lane.engine_id, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state,
       e.running_limit AS engine_limit
FROM lane
LEFT JOIN organization o ON o.id = lane.organization_id
LEFT JOIN engine e ON e.id = lane.engine_id
WHERE lane.engine_id IS NOT NULL
  AND (SELECT w.job_id FROM work_item w
       WHERE w.pool = :pool AND w.organization_id = lane.organization_id AND w.engine_id = lane.engine_id
         AND w.lease_until IS NULL AND w.held = 0 AND w.not_before <= :now
       ORDER BY w.priority, w.due_at, w.job_id, w.ordinal, w.item LIMIT 1) IS NOT NULL;

-- name: first_of_each
-- The first items of each lane in their order, locked, with what is set for the lane at this moment and whether a bulk
-- cancel of its organization is open. Nothing of a paused lane. Must come after the barrier lock: its snapshot is what
-- makes a committed pause visible. Nothing of a job may be joined here: its row must be read by a later statement,
-- whose snapshot shows a cancel that was committed meanwhile.
-- only: postgres
-- rows: pool text, organization_id bigint, engine_id text, now bigint, most int
SELECT s.organization_id, s.engine_id, s.weight, s.organization_limit, s.paused_at, s.state, s.engine_limit, s.barred,
       w.priority, w.due_at, w.job_id, w.ordinal, w.item
FROM (SELECT r.*, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state, e.running_limit AS engine_limit,
             EXISTS (SELECT 1 FROM barrier b
                     WHERE b.organization_id = r.organization_id AND b.settled_at IS NULL) AS barred
      FROM {rows} r
      LEFT JOIN organization o ON o.id = r.organization_id
      LEFT JOIN engine e ON e.id = r.engine_id
      WHERE o.paused_at IS NULL AND COALESCE(e.state, 'active') = 'active') s
-- The lock stands inside, behind the limit: only the items that are returned are locked.
CROSS JOIN LATERAL (
  SELECT i.priority, i.due_at, i.job_id, i.ordinal, i.item
  FROM work_item i
  WHERE i.pool = s.pool AND i.organization_id = s.organization_id AND i.engine_id = s.engine_id
    AND i.lease_until IS NULL AND i.held = 0 AND i.not_before <= s.now
  ORDER BY i.priority, i.due_at, i.job_id, i.ordinal, i.item
  LIMIT s.most
  FOR UPDATE SKIP LOCKED) w;

-- name: settings
-- What is set for these lanes; the paused ones are left out.
-- only: sqlite
-- rows: organization_id bigint, engine_id text
SELECT r.organization_id, r.engine_id, o.weight, o.running_limit AS organization_limit, o.paused_at, e.state,
       e.running_limit AS engine_limit,
       EXISTS (SELECT 1 FROM barrier b WHERE b.organization_id = r.organization_id AND b.settled_at IS NULL) AS barred
FROM {rows} r
LEFT JOIN organization o ON o.id = r.organization_id
LEFT JOIN engine e ON e.id = r.engine_id
WHERE o.paused_at IS NULL AND COALESCE(e.state, 'active') = 'active';

-- name: first
-- The first items of one lane in their order. One writer has the file, so there is nothing to lock.
-- only: sqlite
SELECT priority, due_at, job_id, ordinal, item
FROM work_item
WHERE pool = :pool AND organization_id = :organization_id AND engine_id = :engine_id
  AND lease_until IS NULL AND held = 0 AND not_before <= :now
ORDER BY priority, due_at, job_id, ordinal, item
LIMIT :most;

-- name: uncovered
-- Those of the jobs that no open bulk cancel covers. It only thins out what is looked at: whether a job may start is
-- decided by work.claimable_jobs.
-- lists: ids bigint
SELECT j.id
FROM job j
WHERE j.id IN {ids} AND j.cancelled = 0 AND NOT {halted:j};

-- name: unmarked_of_each
-- Tasks among the first of each lane that do not say yet that they wait for a slot. Nothing is locked: the tasks are
-- read again under the locks of their jobs.
-- only: postgres
-- rows: pool text, organization_id bigint, engine_id text, now bigint, most int
SELECT DISTINCT w.job_id, w.ordinal
FROM {rows} r
CROSS JOIN LATERAL (
  SELECT i.job_id, i.ordinal
  FROM work_item i
  WHERE i.pool = r.pool AND i.organization_id = r.organization_id AND i.engine_id = r.engine_id
    AND i.lease_until IS NULL AND i.held = 0 AND i.not_before <= r.now
  ORDER BY i.priority, i.due_at, i.job_id, i.ordinal, i.item
  LIMIT r.most) w
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE t.status IN {status:queue};

-- name: unmarked
-- The same of one lane.
-- only: sqlite
SELECT DISTINCT w.job_id, w.ordinal
FROM (SELECT job_id, ordinal
      FROM work_item
      WHERE pool = :pool AND organization_id = :organization_id AND engine_id = :engine_id
        AND lease_until IS NULL AND held = 0 AND not_before <= :now
      ORDER BY priority, due_at, job_id, ordinal, item
      LIMIT :most) w
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE t.status IN {status:queue};
