-- name: put
INSERT INTO engine_category (id, name, type, description, organization_id, created_at, modified_at)
VALUES (:id, :name, :type, :description, :organization_id, :created_at, :modified_at)
ON CONFLICT (id) DO UPDATE SET
  name = excluded.name, type = excluded.type, description = excluded.description, modified_at = excluded.modified_at
WHERE engine_category.organization_id = excluded.organization_id;

-- name: ids
-- The ids of every organization's categories: an engine that the server declares may name any of them.
SELECT id FROM engine_category;

-- name: readable
-- The organization's categories and the built-in ones.
SELECT id, name, type, description, organization_id, created_at, modified_at
FROM engine_category WHERE organization_id = :organization_id OR organization_id IS NULL ORDER BY name, id;

-- name: lock
SELECT id, name, type, description, organization_id, created_at, modified_at
FROM engine_category WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: delete
DELETE FROM engine_category WHERE id = :id AND organization_id = :organization_id;

-- name: engines
-- The engines in the category that are not deleted.
SELECT name FROM engine WHERE category_id = :id AND state <> 'deleted' ORDER BY name, id;

-- name: leave
-- The organization's deleted engines are in no category any more.
UPDATE engine SET category_id = NULL
WHERE category_id = :id AND organization_id = :organization_id AND state = 'deleted';
