-- name: demote
UPDATE asset SET is_primary = 0, modified_at = :now
WHERE target_id = :target_id AND organization_id = :organization_id AND asset_type = :asset_type AND is_primary = 1;

-- name: insert_asset
INSERT INTO asset (id, target_id, organization_id, asset_type, content_type, name, description, uri, storage_key, size,
                   sha256, md5, is_primary, job_id, ordinal, engine_id, replay_key, document, created_at, modified_at)
VALUES (:id, :target_id, :organization_id, :asset_type, :content_type, :name, :description, :uri, :storage_key, :size,
        :sha256, :md5, :is_primary, :job_id, :ordinal, :engine_id, :replay_key, :document, :now, :now)
RETURNING id, target_id, organization_id, asset_type, content_type, name, description, uri, storage_key, size, sha256,
          md5, is_primary, job_id, ordinal, engine_id, document, created_at, modified_at;

-- name: asset_of_replay
SELECT id, target_id, organization_id, asset_type, content_type, name, description, uri, storage_key, size, sha256,
       md5, is_primary, job_id, ordinal, engine_id, document, created_at, modified_at
FROM asset WHERE replay_key = :replay_key AND organization_id = :organization_id;

-- name: asset
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.id = :id AND (t.organization_id = :organization_id OR t.is_public = 1);

-- name: asset_counts
-- lists: ids bigint
SELECT a.target_id, COUNT(*) AS assets
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.target_id IN {ids} AND (t.organization_id = :organization_id OR t.is_public = 1)
GROUP BY a.target_id;
