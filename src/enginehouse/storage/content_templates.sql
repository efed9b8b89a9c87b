-- name: insert
-- rows: id text, organization_id bigint, schedule_id bigint, schema_id text, sdo_id text, data text, now bigint
INSERT INTO content_template (id, organization_id, schedule_id, schema_id, sdo_id, data, created_at, modified_at)
SELECT r.id, r.organization_id, r.schedule_id, r.schema_id, r.sdo_id, r.data, r.now, r.now FROM {rows} r;

-- name: of_schedules
-- The content templates of the schedules that the organization may read.
-- lists: ids bigint
SELECT c.id, c.organization_id, c.schedule_id, c.schema_id, c.sdo_id, c.data, c.created_at, c.modified_at
FROM content_template c JOIN scheduled_job s ON s.id = c.schedule_id
WHERE c.schedule_id IN {ids} AND (s.organization_id = :organization_id OR s.is_public = 1)
ORDER BY c.schedule_id, c.created_at, c.id;

-- name: delete
DELETE FROM content_template WHERE id = :id AND organization_id = :organization_id;

-- name: delete_of
DELETE FROM content_template WHERE schedule_id = :schedule_id;
