-- name: take
-- Those of the keys that were free, now this transaction's. In key order, so that two that want the same never wait
-- crosswise; one that another transaction is about to store is waited for.
-- rows: organization_id bigint, operation text, key text, request_hash text, created_at bigint
INSERT INTO idempotency_key (organization_id, operation, key, request_hash, created_at)
SELECT r.organization_id, r.operation, r.key, r.request_hash, r.created_at
FROM {rows} r WHERE true
ORDER BY r.organization_id, r.operation, r.key
ON CONFLICT (organization_id, operation, key) DO NOTHING
RETURNING organization_id, operation, key;

-- name: known
-- Those of the keys that were taken. Nothing is locked: a key that can be read has its answer, since both are of one
-- commit.
-- rows: organization_id bigint, operation text, key text
SELECT k.organization_id, k.operation, k.key, k.request_hash, k.answer, k.created_at
FROM {rows} r
JOIN idempotency_key k ON k.organization_id = r.organization_id AND k.operation = r.operation AND k.key = r.key;

-- name: answer
-- In the transaction that took the keys and did what was asked: none is ever seen without its answer.
-- rows: organization_id bigint, operation text, key text, answer text
UPDATE idempotency_key SET answer = r.answer
FROM {rows} r
WHERE idempotency_key.organization_id = r.organization_id AND idempotency_key.operation = r.operation
  AND idempotency_key.key = r.key;

-- name: oldest
-- When the first of the keys that are kept was taken.
SELECT MIN(created_at) FROM idempotency_key;

-- name: prune
-- A bounded batch of those stored before a moment is gone, the oldest first.
DELETE FROM idempotency_key
WHERE (organization_id, operation, key) IN (
  SELECT k.organization_id, k.operation, k.key FROM idempotency_key k
  WHERE k.created_at < :before ORDER BY k.created_at LIMIT :limit
);
