-- name: take
-- Takes the keys that are free and returns them. In key order, so that two transactions with the same keys never
-- deadlock. It waits for a key that another transaction is storing.
-- rows: organization_id bigint, operation text, key text, request_hash text, created_at bigint
INSERT INTO idempotency_key (organization_id, operation, key, request_hash, created_at)
SELECT r.organization_id, r.operation, r.key, r.request_hash, r.created_at
FROM {rows} r WHERE true
ORDER BY r.organization_id, r.operation, r.key
ON CONFLICT (organization_id, operation, key) DO NOTHING
RETURNING organization_id, operation, key;

-- name: known
-- The keys that are taken. It needs no lock: a visible key has its answer, because one commit stores both.
-- rows: organization_id bigint, operation text, key text
SELECT k.organization_id, k.operation, k.key, k.request_hash, k.answer, k.created_at
FROM {rows} r
JOIN idempotency_key k ON k.organization_id = r.organization_id AND k.operation = r.operation AND k.key = r.key;

-- name: answer
-- Runs in the transaction that took the keys and carried out the requests, so that every visible key has its answer.
-- rows: organization_id bigint, operation text, key text, answer document
UPDATE idempotency_key SET answer = r.answer
FROM {rows} r
WHERE idempotency_key.organization_id = r.organization_id AND idempotency_key.operation = r.operation
  AND idempotency_key.key = r.key;

-- name: oldest
-- When the oldest stored key was taken.
SELECT MIN(created_at) FROM idempotency_key;

-- name: prune
-- Deletes a bounded batch of the keys that were stored before `before`, the oldest first. Keys that were stored at the
-- same time as the last of the batch go with it.
DELETE FROM idempotency_key
WHERE created_at <= (
  SELECT MAX(b.created_at)
  FROM (SELECT k.created_at FROM idempotency_key k WHERE k.created_at < :before ORDER BY k.created_at LIMIT :limit) b);
