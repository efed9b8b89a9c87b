-- name: insert
-- rows: id bigint, organization_id bigint, pipeline_id bigint, stage int, document document, created_by text, now bigint
INSERT INTO job_template (id, organization_id, pipeline_id, stage, document, created_by, created_at, modified_at)
SELECT r.id, r.organization_id, r.pipeline_id, r.stage, r.document, r.created_by, r.now, r.now FROM {rows} r;

-- name: insert_tasks
-- rows: template_id bigint, ordinal int, organization_id bigint, engine_id text, document document, now bigint
INSERT INTO task_template (template_id, ordinal, organization_id, engine_id, document, created_at, modified_at)
SELECT r.template_id, r.ordinal, r.organization_id, r.engine_id, r.document, r.now, r.now FROM {rows} r;

-- name: load
-- lists: ids bigint
SELECT id, organization_id, pipeline_id, stage, document, version, created_by, created_at, modified_at
FROM job_template
WHERE id IN {ids};

-- name: by_ids
-- Those of these templates that are the organization's.
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

-- name: lock
-- Those of these templates that are the organization's, locked.
-- lists: ids bigint
SELECT id, organization_id, pipeline_id, stage, document, version, created_by, created_at, modified_at
FROM job_template
WHERE id IN {ids} AND organization_id = :organization_id
ORDER BY id
{for_update};

-- name: readable
-- Those of these templates that are the organization's or in a public pipeline.
-- lists: ids bigint
SELECT t.id, t.organization_id, t.pipeline_id, t.stage, t.document, t.version, t.created_by, t.created_at, t.modified_at
FROM job_template t
WHERE t.id IN {ids}
  AND (t.organization_id = :organization_id
       OR EXISTS (SELECT 1 FROM job_pipeline p WHERE p.id = t.pipeline_id AND p.is_public = 1));

-- name: page
-- The organization's templates that pass the filters (-1 excludes nothing), the newest first. A filter for a public
-- pipeline also includes its templates of other organizations.
-- lists: engine_ids text
SELECT t.id, t.organization_id, t.pipeline_id, t.stage, t.document, t.version, t.created_by, t.created_at, t.modified_at
FROM job_template t
WHERE (t.organization_id = :organization_id
       OR t.pipeline_id = CAST(:pipeline_id AS BIGINT)
          AND EXISTS (SELECT 1 FROM job_pipeline p WHERE p.id = t.pipeline_id AND p.is_public = 1))
  AND (CAST(:pipeline_id AS BIGINT) = -1 OR t.pipeline_id = CAST(:pipeline_id AS BIGINT))
  AND (CAST(:schedule_id AS BIGINT) = -1
       OR EXISTS (SELECT 1 FROM schedule_launch l JOIN scheduled_job s ON s.id = l.schedule_id
                  WHERE l.schedule_id = CAST(:schedule_id AS BIGINT)
                    AND (l.template_id = t.id OR l.pipeline_id = t.pipeline_id)
                    AND (s.organization_id = :organization_id OR s.is_public = 1)))
  AND (CAST(:any_engine AS INTEGER) = 1
       OR EXISTS (SELECT 1 FROM task_template k WHERE k.template_id = t.id AND k.engine_id IN {engine_ids}))
ORDER BY t.id DESC
LIMIT CAST(:limit AS BIGINT) OFFSET CAST(:offset AS BIGINT);

-- name: update
-- rows: id bigint, pipeline_id bigint, stage int, document document, now bigint
UPDATE job_template
SET pipeline_id = r.pipeline_id, stage = r.stage, document = r.document, version = job_template.version + 1,
    modified_at = r.now
FROM {rows} r
WHERE job_template.id = r.id;

-- name: update_tasks
-- rows: template_id bigint, ordinal int, engine_id text, document document, now bigint
UPDATE task_template SET engine_id = r.engine_id, document = r.document, modified_at = r.now
FROM {rows} r
WHERE task_template.template_id = r.template_id AND task_template.ordinal = r.ordinal;

-- name: delete_tasks
-- rows: template_id bigint, ordinal int
DELETE FROM task_template WHERE (template_id, ordinal) IN (SELECT r.template_id, r.ordinal FROM {rows} r);

-- name: delete
-- lists: ids bigint
DELETE FROM job_template WHERE id IN {ids};

-- name: delete_all_tasks
-- lists: ids bigint
DELETE FROM task_template WHERE template_id IN {ids};

-- name: launched_by
-- The schedules that launch the template, directly or with its pipeline, including those of other organizations.
SELECT DISTINCT l.schedule_id, s.organization_id
FROM schedule_launch l JOIN scheduled_job s ON s.id = l.schedule_id
WHERE l.template_id = :id
   OR l.pipeline_id >= 0 AND l.pipeline_id = (SELECT t.pipeline_id FROM job_template t WHERE t.id = :id)
ORDER BY l.schedule_id;
