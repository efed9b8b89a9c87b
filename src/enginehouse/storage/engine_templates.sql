-- name: put
INSERT INTO engine_template (organization_id, engine_id, name, document, created_at, modified_at)
VALUES (:organization_id, :engine_id, :name, :document, :now, :now)
ON CONFLICT (organization_id, engine_id, name) DO UPDATE
SET document = excluded.document, modified_at = excluded.modified_at
RETURNING organization_id, engine_id, name, document, created_at, modified_at;

-- name: of_engine
SELECT organization_id, engine_id, name, document, created_at, modified_at
FROM engine_template WHERE organization_id = :organization_id AND engine_id = :engine_id ORDER BY name;

-- name: delete
DELETE FROM engine_template WHERE organization_id = :organization_id AND engine_id = :engine_id AND name = :name
RETURNING organization_id, engine_id, name, document, created_at, modified_at;
