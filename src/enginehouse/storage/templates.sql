-- name: insert
-- rows: id bigint, organization_id bigint, pipeline_id bigint, stage int, document text, created_by text, now bigint
INSERT INTO job_template (id, organization_id, pipeline_id, stage, document, created_by, created_at, modified_at)
SELECT r.id, r.organization_id, r.pipeline_id, r.stage, r.document, r.created_by, r.now, r.now FROM {rows} r;

-- name: insert_tasks
-- rows: template_id bigint, ordinal int, organization_id bigint, engine_id text, document text, now bigint
INSERT INTO task_template (template_id, ordinal, organization_id, engine_id, document, created_at, modified_at)
SELECT r.template_id, r.ordinal, r.organization_id, r.engine_id, r.document, r.now, r.now FROM {rows} r;

-- name: load
-- lists: ids bigint
SELECT id, organization_id, pipeline_id, stage, document, version, created_by, created_at, modified_at
FROM job_template
WHERE id IN {ids};

-- name: by_ids
-- The organization's templates among these.
-- lists: ids bigint
SELECT id, organization_id, pipeline_id, stage, document, version, created_by, created_at, modified_at
FROM job_template
WHERE id IN {ids} AND organization_id = :organization_id;

-- name: tasks
-- lists: ids bigint
SELECT template_id, ordinal, engine_id, document, created_at, modified_at
FROM task_template
WHERE template_id IN {ids}
ORDER BY template_id, ordinal;

-- name: taken
SELECT 1 FROM job_template WHERE id = :id;
