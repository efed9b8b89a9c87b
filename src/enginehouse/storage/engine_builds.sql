-- name: insert
INSERT INTO engine_build (id, engine_id, organization_id, version, status, document, created_at, modified_at)
SELECT CAST(:id AS TEXT), CAST(:engine_id AS TEXT), CAST(:organization_id AS BIGINT), COALESCE(MAX(b.version), 0) + 1,
       CAST(:status AS TEXT), CAST(:document AS TEXT), CAST(:now AS BIGINT), CAST(:now AS BIGINT)
FROM engine_build b WHERE b.organization_id = :organization_id AND b.engine_id = :engine_id
RETURNING id, engine_id, organization_id, version, status, document, created_at, modified_at;

-- name: by_id
SELECT id, engine_id, organization_id, version, status, document, created_at, modified_at
FROM engine_build WHERE id = :id AND organization_id = :organization_id;

-- name: lock
SELECT id, engine_id, organization_id, version, status, document, created_at, modified_at
FROM engine_build WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: of_engine
-- The newest first.
SELECT id, engine_id, organization_id, version, status, document, created_at, modified_at
FROM engine_build WHERE organization_id = :organization_id AND engine_id = :engine_id
ORDER BY version DESC;

-- name: page
-- The newest first.
-- lists: statuses text
SELECT id, engine_id, organization_id, version, status, document, created_at, modified_at
FROM engine_build WHERE organization_id = :organization_id AND status IN {statuses}
ORDER BY created_at DESC, id DESC
LIMIT :limit OFFSET :offset;

-- name: put
UPDATE engine_build SET status = :status, document = :document, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: pause_others
-- The deployed builds of the engine, except this one.
UPDATE engine_build SET status = 'paused', modified_at = :now
WHERE organization_id = :organization_id AND engine_id = :engine_id AND status = 'deployed' AND id <> :id;
