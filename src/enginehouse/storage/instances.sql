-- name: insert
INSERT INTO instance (id, worker, token_id, document, created_at, seen_at)
VALUES (:id, :worker, :token_id, :document, :now, :now);

-- name: by_id
-- The instance that this token has registered.
SELECT id, worker, token_id, document FROM instance WHERE id = :id AND token_id = :token_id;

-- name: seen
-- rows: id text, now bigint
UPDATE instance SET seen_at = r.now FROM {rows} r WHERE instance.id = r.id;

-- name: remove
DELETE FROM instance WHERE id = :id;

-- name: forget
-- Those that have not been heard of since `before`.
DELETE FROM instance WHERE seen_at < :before;

-- name: revoked
-- The workers whose token is no longer valid.
SELECT i.id, i.worker, i.token_id, i.document
FROM instance i
WHERE EXISTS (SELECT 1 FROM token t WHERE t.id = i.token_id AND (t.revoked_at IS NOT NULL OR t.expires_at <= :now));
