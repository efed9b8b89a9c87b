-- name: put
INSERT INTO pipeline (organization_id, name, document, created_at, modified_at)
VALUES (:organization_id, :name, :document, :now, :now)
ON CONFLICT (organization_id, name) DO UPDATE SET document = excluded.document, modified_at = excluded.modified_at
RETURNING organization_id, name, document, created_at, modified_at;

-- name: all
SELECT organization_id, name, document, created_at, modified_at
FROM pipeline WHERE organization_id = :organization_id ORDER BY name;

-- name: delete
DELETE FROM pipeline WHERE organization_id = :organization_id AND name = :name
RETURNING organization_id, name, document, created_at, modified_at;
