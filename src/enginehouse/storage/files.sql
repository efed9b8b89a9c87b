-- name: outputs_after
-- The next outputs in the order of their keys. For a person's check, not for requests: it goes through all of them.
SELECT job_id, ordinal, folder, item, part, name, storage_key, size, sha256
FROM artifact
WHERE (job_id, ordinal, folder, item, part) > (:job_id, :ordinal, :folder, :item, :part)
  AND bytes_deleted_at IS NULL
ORDER BY job_id, ordinal, folder, item, part LIMIT :limit;

-- name: assets_after
-- The next assets with stored bytes in the order of their ids.
SELECT id, storage_key, size, sha256
FROM asset
WHERE id > :id AND storage_key IS NOT NULL
ORDER BY id LIMIT :limit;

-- name: asset
SELECT id, storage_key, size, sha256
FROM asset
WHERE id = :id AND storage_key IS NOT NULL;

-- name: exports_after
-- The next exports with a zip in the order of their ids.
SELECT id, organization_id, storage_key, size, sha256
FROM export_request
WHERE id > :id AND storage_key IS NOT NULL
ORDER BY id LIMIT :limit;

-- name: export
SELECT id, organization_id, storage_key, size, sha256
FROM export_request
WHERE id = :id AND organization_id = :organization_id AND storage_key = :storage_key;

-- name: count
-- How many rows name stored bytes.
SELECT (SELECT COUNT(*) FROM artifact WHERE bytes_deleted_at IS NULL)
     + (SELECT COUNT(*) FROM asset WHERE storage_key IS NOT NULL)
     + (SELECT COUNT(*) FROM export_request WHERE storage_key IS NOT NULL);
