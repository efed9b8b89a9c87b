-- name: insert
-- Accepts a bulk cancel. It runs under the exclusive barrier lock, so that ids rise in the order of the commits. It
-- changes no job, so its cost does not depend on the number of jobs.
-- only: sqlite
INSERT INTO barrier (organization_id, created_from, created_to, accepted_at, include_running, created_by)
VALUES (:organization_id, :created_from, :created_to, :now, :include_running, :created_by)
RETURNING id, accepted_at;

-- name: lock_and_insert
-- The same with the lock, in one trip: no work starts or commits between them. The id and the time are taken once the
-- lock is there, since the subquery calls a volatile function; a statement that reads no table needs no later snapshot.
-- only: postgres
INSERT INTO barrier (organization_id, created_from, created_to, accepted_at, include_running, created_by)
SELECT :organization_id, :created_from, :created_to,
       GREATEST(:now, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)), :include_running, :created_by
FROM (SELECT pg_advisory_xact_lock(:lock) OFFSET 0) taken
RETURNING id, accepted_at;

-- name: barrier
-- The organization's bulk cancel.
SELECT id, organization_id, created_from, created_to, accepted_at, include_running, matched, settled, settled_at
FROM barrier WHERE id = :id AND organization_id = :organization_id;

-- name: any_open
-- A row if the organization has an open bulk cancel, so that rows of its jobs may be out of date.
SELECT 1 FROM barrier WHERE organization_id = :organization_id AND settled_at IS NULL LIMIT 1;

-- name: open
-- The first open bulk cancel of every organization. Later ones wait for it, so that the first one is applied to a job
-- that several cover.
SELECT b.id, b.organization_id, b.created_from, b.created_to, b.accepted_at, b.include_running, b.matched, b.settled, b.settled_at
FROM barrier b
WHERE b.settled_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM barrier e WHERE e.organization_id = b.organization_id AND e.settled_at IS NULL AND e.id < b.id)
ORDER BY +b.id;

-- name: earlier_open
-- A row if an earlier bulk cancel is open: the later one must not count its jobs.
SELECT 1 FROM barrier WHERE organization_id = :organization_id AND settled_at IS NULL AND id < :id LIMIT 1;

-- name: count
-- How many jobs of the range were cancellable when the barrier was set, directly from the index. It may use only
-- columns of the index job_cancellable: the caller waits while a million jobs are counted.
SELECT COUNT(*) FROM job j
WHERE j.organization_id = :organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < :id
  AND j.created_at BETWEEN :created_from AND :created_to;

-- name: count_beside_others
-- The same, without the jobs that an earlier bulk cancel has aborted and whose rows are not updated yet.
SELECT COUNT(*) FROM job j
WHERE j.organization_id = :organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < :id
  AND j.created_at BETWEEN :created_from AND :created_to
  AND NOT EXISTS (
    SELECT 1 FROM barrier e
    WHERE e.organization_id = j.organization_id AND e.settled_at IS NULL AND e.id < :id
      AND j.created_at BETWEEN e.created_from AND e.created_to AND j.cancellable_since < e.id);

-- name: applied
-- How many job rows this bulk cancel has updated.
SELECT settled FROM barrier WHERE id = :id;

-- name: set_matched
-- Keeps the first count. If there is nothing to do, closes the bulk cancel.
UPDATE barrier
SET matched = COALESCE(matched, :matched),
    settled_at = CASE WHEN COALESCE(matched, :matched) = settled AND include_running = 0 THEN COALESCE(settled_at, :now)
                      ELSE settled_at END
WHERE id = :id
RETURNING matched;

-- name: covered_by_status
-- How many jobs open bulk cancels have aborted, by the status that their rows still have. If several cover a job, only
-- the first one counts it. The status is written so that no index by status is walked for the groups.
SELECT j.status || '' AS status, COUNT(*)
FROM barrier b
JOIN job j ON j.organization_id = b.organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < b.id
  AND j.created_at BETWEEN b.created_from AND b.created_to
WHERE b.organization_id = :organization_id AND b.settled_at IS NULL AND {covered_by:j} = b.id
GROUP BY j.status || '';

-- name: next
-- The next jobs to update, from a point in the range on; jobs that another transaction holds are skipped. A job that is
-- updated already, or was never covered, has no `cancellable_since` below the id: so the work can stop anywhere and
-- continue from any point. They come as one row, because a row of each would cost a third of the whole update: their
-- ids, how many are `queued` and `running` (those that only lost their attempts; the others are pending), and the tasks
-- of those without a standby.
SELECT COUNT(*) AS jobs, MAX(n.created_at) AS reached, {list_of}(n.id) AS ids,
       COUNT(CASE WHEN n.status = 'queued' THEN 1 END) AS queued, COUNT(CASE WHEN n.status = 'running' THEN 1 END) AS running,
       COALESCE(SUM(n.counted * n.tasks_total), 0) AS tasks_total, COALESCE(SUM(n.counted * n.tasks_queued), 0) AS tasks_queued,
       COALESCE(SUM(n.counted * n.tasks_ready), 0) AS tasks_ready, {list_of}(n.id) FILTER (WHERE n.counted = 0) AS with_standby,
       {list_of}({tuple_of}(n.id, n.listeners)) FILTER (WHERE n.listeners > 0) AS heard
FROM (SELECT id, status, created_at, {listeners:job} AS listeners, tasks_total, tasks_queued, tasks_ready,
             1 - has_standby AS counted
      FROM job
      WHERE organization_id = :organization_id AND cancellable_since IS NOT NULL AND cancellable_since < :id
        AND created_at BETWEEN :created_from AND :created_to
      ORDER BY created_at
      LIMIT :limit
      {skip_locked}) n;

-- name: left
-- The jobs that are left after that. This waits for their locks.
SELECT COUNT(*) AS jobs, MAX(n.created_at) AS reached, {list_of}(n.id) AS ids,
       COUNT(CASE WHEN n.status = 'queued' THEN 1 END) AS queued, COUNT(CASE WHEN n.status = 'running' THEN 1 END) AS running,
       COALESCE(SUM(n.counted * n.tasks_total), 0) AS tasks_total, COALESCE(SUM(n.counted * n.tasks_queued), 0) AS tasks_queued,
       COALESCE(SUM(n.counted * n.tasks_ready), 0) AS tasks_ready, {list_of}(n.id) FILTER (WHERE n.counted = 0) AS with_standby,
       {list_of}({tuple_of}(n.id, n.listeners)) FILTER (WHERE n.listeners > 0) AS heard
FROM (SELECT id, status, created_at, {listeners:job} AS listeners, tasks_total, tasks_queued, tasks_ready,
             1 - has_standby AS counted
      FROM job
      WHERE organization_id = :organization_id AND cancellable_since IS NOT NULL AND cancellable_since < :id
        AND created_at BETWEEN :created_from AND :created_to
      ORDER BY id
      LIMIT :limit
      {for_update}) n;

-- name: apply
-- Updates the locked rows to what has been true since the bulk cancel was accepted, at the time `at`.
-- lists: ids bigint
UPDATE job
SET status = 'aborted', cancelled = 1, cancellable_since = NULL, aborted_at = :at, modified_at = :at
WHERE id IN {ids};

-- name: add_applied
-- Runs in the transaction that changes the rows, so that the count and the rows always agree.
UPDATE barrier SET settled = settled + :jobs WHERE id = :id;

-- name: close
-- Nothing is left. The first server that sees this sets the time.
UPDATE barrier SET settled_at = :now WHERE id = :id AND settled_at IS NULL;

-- name: running
-- The jobs of the range that have started, and that existed when the barrier was set. The plus sign: the live jobs are
-- sorted, and not found among all jobs in their order.
SELECT id, organization_id, status, tasks_total, {listeners:job} AS listeners FROM job
WHERE organization_id = :organization_id AND status IN ('pending', 'queued', 'running') AND cancelled = 0
  AND (cancellable_since IS NULL OR cancellable_since >= :id)
  AND created_at BETWEEN :created_from AND :created_to AND created_at <= :accepted_at
ORDER BY +id
LIMIT :limit
{for_update};

-- name: count_stopping
-- How many jobs of the range must still be stopped, or have not stopped yet.
SELECT COUNT(*) FROM job
WHERE organization_id = :organization_id AND status IN ('pending', 'queued', 'running')
  AND (cancellable_since IS NULL OR cancellable_since >= :id)
  AND created_at BETWEEN :created_from AND :created_to AND created_at <= :accepted_at;

-- name: last
-- Only under the shared barrier lock: then no bulk cancel is accepted between this statement and the commit.
SELECT COALESCE(MAX(id), 0) FROM barrier;
