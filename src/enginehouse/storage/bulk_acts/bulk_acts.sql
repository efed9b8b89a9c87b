-- name: insert
INSERT INTO bulk_act (organization_id, act, rule, created_by, user_name, accepted_at, matched, ended_at, barrier_id, undo_of)
VALUES (:organization_id, :act, :rule, :created_by, :user_name, :now, :matched, :ended_at, :barrier_id, :undo_of)
RETURNING id;

-- name: insert_batches
-- rows: act_id bigint, first_id bigint, ids document
INSERT INTO bulk_act_batch (act_id, first_id, ids) SELECT r.act_id, r.first_id, r.ids FROM {rows} r;

-- name: act
SELECT id, organization_id, act, rule, created_by, user_name, accepted_at, matched, applied, skipped, ended_at, barrier_id,
       undo_of, (SELECT u.id FROM bulk_act u WHERE u.undo_of = a.id) AS undone_by
FROM bulk_act a WHERE a.id = :id AND a.organization_id = :organization_id;

-- name: of_barrier
SELECT id FROM bulk_act WHERE barrier_id = :barrier_id AND organization_id = :organization_id;

-- name: page
SELECT id, organization_id, act, rule, created_by, user_name, accepted_at, matched, applied, skipped, ended_at, barrier_id,
       undo_of, (SELECT u.id FROM bulk_act u WHERE u.undo_of = a.id) AS undone_by
FROM bulk_act a WHERE a.organization_id = :organization_id
ORDER BY a.id DESC LIMIT :limit OFFSET :offset;

-- name: open
-- The first open act of every organization. Later ones wait for it, so that they have their effect in their order.
SELECT a.id, a.organization_id, a.act FROM bulk_act a
WHERE a.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM bulk_act e WHERE e.organization_id = a.organization_id AND e.ended_at IS NULL AND e.id < a.id)
ORDER BY +a.id;

-- name: lock
SELECT id FROM bulk_act WHERE id = :id AND organization_id = :organization_id {for_update};

-- name: take
-- The next batch that no other server works on. Until the commit nobody else takes it.
SELECT first_id, ids FROM bulk_act_batch
WHERE act_id = :act_id AND applied IS NULL
ORDER BY first_id LIMIT 1
{skip_locked};

-- name: done
UPDATE bulk_act_batch SET applied = :applied WHERE act_id = :act_id AND first_id = :first_id;

-- name: shorten
UPDATE bulk_act_batch SET ids = :ids WHERE act_id = :act_id AND first_id = :first_id AND applied IS NULL;

-- name: add
UPDATE bulk_act SET applied = applied + :applied, skipped = skipped + :skipped WHERE id = :id;

-- name: add_skips
-- rows: act_id bigint, reason text, jobs bigint, example bigint
INSERT INTO bulk_act_skip (act_id, reason, jobs, example)
SELECT r.act_id, r.reason, r.jobs, r.example FROM {rows} r WHERE true
ON CONFLICT (act_id, reason) DO UPDATE SET jobs = bulk_act_skip.jobs + excluded.jobs;

-- name: skips
-- lists: ids bigint
SELECT act_id, reason, jobs, example FROM bulk_act_skip WHERE act_id IN {ids} ORDER BY act_id, reason;

-- name: close
-- Nothing is left to do. The first server that sees this sets the time.
UPDATE bulk_act SET ended_at = :now
WHERE id = :id AND ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM bulk_act_batch b WHERE b.act_id = :id AND b.applied IS NULL);

-- name: give_up
-- What the act has not done yet is not done any more.
DELETE FROM bulk_act_batch WHERE act_id = :id AND applied IS NULL;

-- name: count_applied
SELECT applied FROM bulk_act WHERE id = :id;

-- name: copy_applied
-- The jobs that the act has changed are those of the other one.
INSERT INTO bulk_act_batch (act_id, first_id, ids)
SELECT CAST(:id AS BIGINT), b.first_id, b.applied FROM bulk_act_batch b
WHERE b.act_id = :undo_of AND b.applied IS NOT NULL AND b.applied <> '[]';

-- name: old
SELECT id FROM bulk_act WHERE ended_at IS NOT NULL AND ended_at < :before ORDER BY ended_at LIMIT :limit;

-- name: old_batches
SELECT first_id FROM bulk_act_batch WHERE act_id = :id ORDER BY first_id LIMIT :limit;

-- name: delete_batches
-- lists: first_ids bigint
DELETE FROM bulk_act_batch WHERE act_id = :id AND first_id IN {first_ids};

-- name: delete_skips
DELETE FROM bulk_act_skip WHERE act_id = :id;

-- name: delete
DELETE FROM bulk_act WHERE id = :id AND ended_at IS NOT NULL;
