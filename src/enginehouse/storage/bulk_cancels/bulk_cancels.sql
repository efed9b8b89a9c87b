-- name: insert
-- A bulk cancel is accepted. Under the exclusive barrier lock, so that ids rise in the order of the commits. No job is
-- touched, so it costs the same for any number of them.
INSERT INTO barrier (organization_id, created_from, created_to, accepted_at, include_running, created_by)
VALUES (:organization_id, :created_from, :created_to, :now, :include_running, :created_by)
RETURNING id;

-- name: barrier
-- The organization's bulk cancel.
SELECT id, organization_id, created_from, created_to, accepted_at, include_running, matched, settled, settled_at
FROM barrier WHERE id = :id AND organization_id = :organization_id;

-- name: any_open
-- Whether rows of the organization's jobs may say something else than what is true.
SELECT 1 FROM barrier WHERE organization_id = :organization_id AND settled_at IS NULL LIMIT 1;

-- name: open
-- The first open bulk cancel of every organization: the later ones wait for it, so that to what several cover
-- the first one is applied.
SELECT b.id, b.organization_id, b.created_from, b.created_to, b.accepted_at, b.include_running, b.matched, b.settled, b.settled_at
FROM barrier b
WHERE b.settled_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM barrier e WHERE e.organization_id = b.organization_id AND e.settled_at IS NULL AND e.id < b.id)
ORDER BY b.id;

-- name: earlier_open
-- Whether an earlier one is open, whose jobs the later one must not count.
SELECT 1 FROM barrier WHERE organization_id = :organization_id AND settled_at IS NULL AND id < :id LIMIT 1;

-- name: count
-- How many jobs of the range could be cancelled when the barrier was set, straight from the index. Nothing may be asked
-- that the index job_cancellable does not hold: a million jobs are counted while the caller waits.
SELECT COUNT(*) FROM job j
WHERE j.organization_id = :organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < :id
  AND j.created_at BETWEEN :created_from AND :created_to;

-- name: count_beside_others
-- The same, without those that an earlier bulk cancel has aborted and not been applied to yet.
SELECT COUNT(*) FROM job j
WHERE j.organization_id = :organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < :id
  AND j.created_at BETWEEN :created_from AND :created_to
  AND NOT EXISTS (
    SELECT 1 FROM barrier e
    WHERE e.organization_id = j.organization_id AND e.settled_at IS NULL AND e.id < :id
      AND j.created_at BETWEEN e.created_from AND e.created_to AND j.cancellable_since < e.id);

-- name: applied
-- To how many rows of jobs this bulk cancel has been applied.
SELECT settled FROM barrier WHERE id = :id;

-- name: set_matched
-- The first count stands. Where nothing is to be done, that was all.
UPDATE barrier
SET matched = COALESCE(matched, :matched),
    settled_at = CASE WHEN COALESCE(matched, :matched) = settled AND include_running = 0 THEN COALESCE(settled_at, :now)
                      ELSE settled_at END
WHERE id = :id
RETURNING matched;

-- name: covered_by_status
-- How many jobs are aborted by open bulk cancels while their rows still say another status. Where several cover a job
-- only the first one counts it.
SELECT j.status, COUNT(*)
FROM barrier b
JOIN job j ON j.organization_id = b.organization_id AND j.cancellable_since IS NOT NULL AND j.cancellable_since < b.id
  AND j.created_at BETWEEN b.created_from AND b.created_to
WHERE b.organization_id = :organization_id AND b.settled_at IS NULL AND {covered_by:j} = b.id
GROUP BY j.status;

-- name: next
-- The next jobs to apply it to, from a place in the range on; those that another server has in hand are passed over.
-- Those to which it was applied already, or that were never covered, have no `cancellable_since` below the id: so what
-- was stopped anywhere goes on from anywhere.
SELECT id, status, created_at FROM job
WHERE organization_id = :organization_id AND cancellable_since IS NOT NULL AND cancellable_since < :id
  AND created_at BETWEEN :created_from AND :created_to
ORDER BY created_at
LIMIT :limit
{skip_locked};

-- name: left
-- What is left after that, waited for.
SELECT id, status, created_at FROM job
WHERE organization_id = :organization_id AND cancellable_since IS NOT NULL AND cancellable_since < :id
  AND created_at BETWEEN :created_from AND :created_to
ORDER BY id
LIMIT :limit
{for_update};

-- name: apply
-- The rows, which are locked, say what has been true since the bulk cancel was accepted: `at` is that moment.
-- lists: ids bigint
UPDATE job
SET status = 'aborted', cancelled = 1, cancellable_since = NULL, aborted_at = :at, modified_at = :at
WHERE id IN {ids};

-- name: add_applied
-- In the transaction in which the rows change, so that the count and the rows agree wherever applying it is stopped.
UPDATE barrier SET settled = settled + :jobs WHERE id = :id;

-- name: close
-- Nothing is left. The first one to see that says when.
UPDATE barrier SET settled_at = :now WHERE id = :id AND settled_at IS NULL;

-- name: running
-- The jobs of the range that are past the point of cancelling and were there when the barrier was set.
SELECT id, organization_id, status FROM job
WHERE organization_id = :organization_id AND status IN ('pending', 'queued', 'running') AND cancelled = 0
  AND (cancellable_since IS NULL OR cancellable_since >= :id)
  AND created_at BETWEEN :created_from AND :created_to AND created_at <= :accepted_at
ORDER BY id
LIMIT :limit
{for_update};

-- name: count_stopping
-- How many jobs of the range are still to be stopped, or have not stopped yet.
SELECT COUNT(*) FROM job
WHERE organization_id = :organization_id AND status IN ('pending', 'queued', 'running')
  AND (cancellable_since IS NULL OR cancellable_since >= :id)
  AND created_at BETWEEN :created_from AND :created_to AND created_at <= :accepted_at;

-- name: last
-- Under the shared barrier lock only: no bulk cancel is accepted between this look and the commit.
SELECT COALESCE(MAX(id), 0) FROM barrier;
