-- name: insert
-- rows: id bigint, organization_id bigint, source_type_id bigint, name text, is_public int, document document, created_by text, now bigint
INSERT INTO source (id, organization_id, source_type_id, name, is_public, document, created_by, created_at, modified_at)
SELECT r.id, r.organization_id, r.source_type_id, r.name, r.is_public, r.document, r.created_by, r.now, r.now
FROM {rows} r;

-- name: by_ids
-- Those of these sources that are the organization's own or public.
-- lists: ids bigint
SELECT id, organization_id, source_type_id, name, is_public, document, created_by, created_at, modified_at
FROM source
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);

-- name: all_of
-- The organization's sources, and with `include_public` the public ones of others.
SELECT id, organization_id, source_type_id, name, is_public, document, created_by, created_at, modified_at
FROM source
WHERE organization_id = :organization_id OR (is_public = 1 AND CAST(:include_public AS INTEGER) = 1)
ORDER BY id;

-- name: lock
SELECT id, organization_id, source_type_id, name, is_public, document, created_by, created_at, modified_at
FROM source
WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: update
-- rows: id bigint, source_type_id bigint, name text, is_public int, document document, now bigint
UPDATE source
SET source_type_id = r.source_type_id, name = r.name, is_public = r.is_public, document = r.document, modified_at = r.now
FROM {rows} r
WHERE source.id = r.id;

-- name: delete
DELETE FROM source WHERE id = :id;

-- name: types
-- The source types, the same for every organization.
SELECT id, name, is_live, document, created_at, modified_at FROM source_type ORDER BY id;

-- name: primary_of
-- The schedules whose primary source it is, including those of other organizations.
SELECT id, organization_id FROM scheduled_job WHERE source_id = :id ORDER BY id;
