-- name: insert
INSERT INTO event_subscription (id, organization_id, application, event_type, event_name, url, params, conditions,
                                created_by, created_at, ended_at, origin, action, document, template_id)
VALUES (:id, :organization_id, :application, :event_type, :event_name, :url, :params, :conditions, :created_by,
        :created_at, :ended_at, :origin, :action, :document, :template_id);

-- name: of_organization
SELECT id, organization_id, application, event_type, event_name, url, params, conditions, created_by, created_at, ended_at,
       origin, action, document, template_id
FROM event_subscription WHERE organization_id = :organization_id ORDER BY created_at, id;

-- name: lock
SELECT id, organization_id, application, event_type, event_name, url, params, conditions, created_by, created_at, ended_at,
       origin, action, document, template_id
FROM event_subscription WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: lock_organization
-- Two subscriptions at once must not pass the limit together.
SELECT id FROM organization WHERE id = :organization_id {for_update};

-- name: of_event
-- What follows an event of this application: the open subscriptions, and the triggers for every application.
SELECT id, organization_id, event_type, event_name, url, conditions, action FROM event_subscription
WHERE organization_id = :organization_id AND application IN (:application, '') AND ended_at IS NULL
ORDER BY created_at, id;

-- name: follow_template
-- What follows an event by this template is as the template says now.
UPDATE event_subscription SET url = :url, document = :document
WHERE template_id = :template_id AND organization_id = :organization_id;

-- name: delete
DELETE FROM event_subscription WHERE id = :id AND organization_id = :organization_id;
