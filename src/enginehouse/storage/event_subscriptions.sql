-- name: insert
INSERT INTO event_subscription (id, organization_id, application, event_type, event_name, url, params, conditions,
                                created_by, created_at, ended_at)
VALUES (:id, :organization_id, :application, :event_type, :event_name, :url, :params, :conditions, :created_by,
        :created_at, :ended_at);

-- name: of_organization
SELECT id, organization_id, application, event_type, event_name, url, params, conditions, created_by, created_at, ended_at
FROM event_subscription WHERE organization_id = :organization_id ORDER BY created_at, id;

-- name: lock
SELECT id, organization_id, application, event_type, event_name, url, params, conditions, created_by, created_at, ended_at
FROM event_subscription WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: lock_organization
-- Two subscriptions at once must not pass the limit together.
SELECT id FROM organization WHERE id = :organization_id {for_update};

-- name: of_event
-- The open subscriptions to an event that the organization emits itself.
SELECT id, organization_id, event_type, event_name, url, conditions FROM event_subscription
WHERE organization_id = :organization_id AND application = :application AND ended_at IS NULL
ORDER BY created_at, id;

-- name: delete
DELETE FROM event_subscription WHERE id = :id AND organization_id = :organization_id;
