-- name: put
INSERT INTO event_definition (id, organization_id, application, event_type, event_name, is_public, description,
                              schema_data, created_by, created_at)
VALUES (:id, :organization_id, :application, :event_type, :event_name, :is_public, :description, :schema_data,
        :created_by, :created_at)
ON CONFLICT (id) DO UPDATE SET is_public = excluded.is_public, description = excluded.description,
  schema_data = excluded.schema_data
WHERE event_definition.organization_id = excluded.organization_id;

-- name: of_organization
SELECT id, organization_id, application, event_type, event_name, is_public, description, schema_data, created_by, created_at
FROM event_definition WHERE organization_id = :organization_id ORDER BY application, event_type, event_name;

-- name: lock
SELECT id, organization_id, application, event_type, event_name, is_public, description, schema_data, created_by, created_at
FROM event_definition WHERE id = :id AND organization_id = :organization_id
{for_update};
