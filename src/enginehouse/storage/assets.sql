-- name: lock_targets
-- Those of the targets that exist in their organization, locked in key order until the commit: they cannot be deleted
-- before their new assets are visible.
-- lists: ids bigint
SELECT id, organization_id FROM target WHERE id IN {ids}
ORDER BY id
{for_update};

-- name: producers
-- Those of the engines whose results belong to the target: all but those that only bring data in.
-- lists: ids text
SELECT e.id FROM engine e LEFT JOIN engine_category c ON c.id = e.category_id
WHERE e.id IN {ids} AND COALESCE(c.type, '') <> 'Ingestion';

-- name: insert_results
-- rows: id text, target_id bigint, organization_id bigint, asset_type text, content_type text, name text, storage_key text, size bigint, sha256 text, job_id bigint, ordinal int, engine_id text, now bigint
INSERT INTO asset (id, target_id, organization_id, asset_type, content_type, name, storage_key, size, sha256, is_primary,
                   job_id, ordinal, engine_id, is_result, document, created_at, modified_at)
SELECT r.id, r.target_id, r.organization_id, r.asset_type, r.content_type, r.name, r.storage_key, r.size, r.sha256, 0,
       r.job_id, r.ordinal, r.engine_id, 1, '{}', r.now, r.now
FROM {rows} r;

-- name: touch_targets
-- lists: ids bigint
UPDATE target SET modified_at = :now WHERE id IN {ids};

-- name: of_keys
-- The assets of these bytes that the organization may read.
-- lists: keys text
SELECT a.storage_key, a.id
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.storage_key IN {keys} AND (t.organization_id = :organization_id OR t.is_public = 1);

-- name: delete
-- Returns the key of the bytes, NULL if it was only a reference.
DELETE FROM asset WHERE id = :id AND organization_id = :organization_id
RETURNING storage_key;

-- name: delete_of_target
-- Deletes the assets of the target: all, the results of engines (`is_result` 1), or the others (0). Returns the keys of their bytes.
DELETE FROM asset
WHERE target_id = :target_id AND organization_id = :organization_id AND (CAST(:is_result AS INTEGER) IS NULL OR is_result = CAST(:is_result AS INTEGER))
RETURNING storage_key;

-- name: named
-- Those of the keys that an output or an asset still names.
-- lists: keys text
SELECT storage_key FROM artifact WHERE shared = 1 AND bytes_deleted_at IS NULL AND storage_key IN {keys}
UNION
SELECT storage_key FROM asset WHERE storage_key IN {keys};

-- name: mark_outputs
-- The outputs that share these bytes have lost them.
-- lists: keys text
UPDATE artifact SET bytes_deleted_at = :now
WHERE shared = 1 AND bytes_deleted_at IS NULL AND storage_key IN {keys};

-- name: pages
-- A page of the assets of each target, all in one order.
-- parts: descending
-- lists: target_ids bigint, asset_types text
SELECT p.id, p.target_id, p.organization_id, p.asset_type, p.content_type, p.name, p.description, p.uri, p.storage_key,
       p.size, p.sha256, p.md5, p.is_primary, p.job_id, p.ordinal, p.engine_id, p.document, p.created_at, p.modified_at
FROM (SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
             a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at,
             ROW_NUMBER() OVER (
        PARTITION BY a.target_id ORDER BY
        CASE CAST(:order_by AS TEXT) WHEN 'asset_type' THEN a.asset_type WHEN 'content_type' THEN a.content_type END
-- if: descending
        DESC
        , a.created_at
-- if: descending
        DESC
        , a.id
-- if: descending
        DESC
      ) AS place
      FROM asset a JOIN target t ON t.id = a.target_id
      WHERE a.target_id IN {target_ids} AND (t.organization_id = :organization_id OR t.is_public = 1)
        AND (:any_type = 1 OR a.asset_type IN {asset_types})
        AND (CAST(:id AS TEXT) IS NULL OR a.id = CAST(:id AS TEXT))
        AND (CAST(:job_id AS BIGINT) IS NULL
             OR (a.job_id = CAST(:job_id AS BIGINT) AND a.ordinal = CAST(:ordinal AS INTEGER)))) p
WHERE p.place > CAST(:offset AS BIGINT) AND p.place <= CAST(:offset AS BIGINT) + CAST(:limit AS BIGINT)
ORDER BY p.target_id, p.place;

-- name: primary
-- The primary asset of each target and type; without one, the newest that an engine has made.
-- rows: target_id bigint, asset_type text, organization_id bigint
SELECT p.id, p.target_id, p.organization_id, p.asset_type, p.content_type, p.name, p.description, p.uri, p.storage_key,
       p.size, p.sha256, p.md5, p.is_primary, p.job_id, p.ordinal, p.engine_id, p.document, p.created_at, p.modified_at
FROM (SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
             a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at,
             ROW_NUMBER() OVER (
        PARTITION BY a.target_id, a.asset_type ORDER BY a.is_primary DESC, a.created_at DESC, a.id DESC) AS place
      FROM {rows} r
      JOIN asset a ON a.target_id = r.target_id AND a.asset_type = r.asset_type
      JOIN target t ON t.id = a.target_id
      WHERE (t.organization_id = r.organization_id OR t.is_public = 1)
        AND (a.is_primary = 1 OR a.is_result = 1)) p
WHERE p.place = 1;

-- name: main
-- The primary asset of the target that a task without another input reads: media comes first, then the oldest.
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.target_id = :target_id AND (t.organization_id = :organization_id OR t.is_public = 1) AND a.is_primary = 1
ORDER BY CASE WHEN a.asset_type = 'media' THEN 0 ELSE 1 END, a.created_at, a.id
LIMIT 1;

-- name: media_of_job
-- The same of the target of one of the organization's jobs.
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.target_id = (SELECT j.target_id FROM job j WHERE j.id = :job_id AND j.organization_id = :organization_id)
  AND (t.organization_id = :organization_id OR t.is_public = 1) AND a.is_primary = 1
ORDER BY CASE WHEN a.asset_type = 'media' THEN 0 ELSE 1 END, a.created_at, a.id
LIMIT 1;

-- name: by_ids
-- lists: ids text
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a JOIN target t ON t.id = a.target_id
WHERE a.id IN {ids} AND (t.organization_id = :organization_id OR t.is_public = 1);

-- name: lock
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a WHERE a.id = :id AND a.organization_id = :organization_id
{for_update};

-- name: change
UPDATE asset SET name = :name, description = :description, document = :document, job_id = :job_id, ordinal = :ordinal,
                 engine_id = :engine_id, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: make_primary
UPDATE asset SET is_primary = 1, modified_at = :now
WHERE id = :id AND target_id = :target_id AND organization_id = :organization_id AND asset_type = :asset_type;
