-- name: insert
-- rows: id text, organization_id bigint, name text, type text, description text, now bigint
INSERT INTO engine_category (id, organization_id, name, type, description, created_at, modified_at)
SELECT r.id, r.organization_id, r.name, r.type, r.description, r.now, r.now FROM {rows} r;

-- name: ids
-- Of every organization: what the server declares may name any of them.
SELECT id FROM engine_category;

-- name: readable
-- The organization's categories and the built-in ones.
SELECT id, name, type, description, organization_id, created_at, modified_at
FROM engine_category
WHERE organization_id = :organization_id OR organization_id IS NULL
ORDER BY name, id;

-- name: by_ids
-- lists: ids text
SELECT id, name, type, description, organization_id, created_at, modified_at
FROM engine_category
WHERE id IN {ids} AND (organization_id = :organization_id OR organization_id IS NULL);

-- name: lock
SELECT id, name, type, description, organization_id, created_at, modified_at
FROM engine_category
WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: update
UPDATE engine_category SET name = :name, type = :type, description = :description, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: delete
DELETE FROM engine_category WHERE id = :id AND organization_id = :organization_id;

-- name: engines
-- The engines that name the category.
SELECT name FROM engine WHERE category_id = :id ORDER BY name, id;
