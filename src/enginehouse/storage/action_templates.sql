-- name: put
INSERT INTO event_action_template (id, organization_id, name, application_id, action, destination, document, created_by,
                                   created_at, modified_at)
VALUES (:id, :organization_id, :name, :application_id, :action, :destination, :document, :created_by, :created_at,
        :modified_at)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, application_id = excluded.application_id,
  action = excluded.action, destination = excluded.destination, document = excluded.document,
  modified_at = excluded.modified_at
WHERE event_action_template.organization_id = excluded.organization_id;

-- name: of_organization
SELECT id, organization_id, name, application_id, action, destination, document, created_by, created_at, modified_at
FROM event_action_template WHERE organization_id = :organization_id ORDER BY created_at, id;

-- name: lock
SELECT id, organization_id, name, application_id, action, destination, document, created_by, created_at, modified_at
FROM event_action_template WHERE id = :id AND organization_id = :organization_id
{for_update};
