-- name: add
-- rows: organization_id bigint, kind text, engine_id text
INSERT INTO engine_access (organization_id, kind, engine_id)
SELECT r.organization_id, r.kind, r.engine_id FROM {rows} r WHERE true
ON CONFLICT DO NOTHING;

-- name: remove
DELETE FROM engine_access WHERE organization_id = :organization_id AND kind = :kind AND engine_id = :engine_id;

-- name: all
-- The lists of every organization, for the catalogue in memory.
SELECT organization_id, kind, engine_id FROM engine_access ORDER BY organization_id, kind, engine_id;
