-- name: insert
-- Nothing happens if something was uploaded there before.
INSERT INTO upload (id, organization_id, expires_at, content_type, storage_key, size, sha256, md5, stored_at)
VALUES (:id, :organization_id, :expires_at, :content_type, :storage_key, :size, :sha256, :md5, :now)
ON CONFLICT (id) DO NOTHING;

-- name: by_id
SELECT id, content_type, storage_key, size, sha256, md5, asset_id
FROM upload WHERE id = :id AND organization_id = :organization_id;

-- name: lock
SELECT id, content_type, storage_key, size, sha256, md5, asset_id
FROM upload WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: replace
UPDATE upload SET content_type = :content_type, storage_key = :storage_key, size = :size, sha256 = :sha256, md5 = :md5,
                  stored_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: claim
UPDATE upload SET asset_id = :asset_id WHERE id = :id AND organization_id = :organization_id;

-- name: due
-- A bounded batch of uploads whose time is over.
SELECT id FROM upload WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- name: delete
-- Returns the keys of their bytes, and who has claimed them.
-- lists: ids text
DELETE FROM upload WHERE id IN {ids}
RETURNING storage_key, asset_id;
