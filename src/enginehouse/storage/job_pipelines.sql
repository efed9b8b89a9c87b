-- name: insert
-- rows: id bigint, organization_id bigint, is_public int, now bigint
INSERT INTO job_pipeline (id, organization_id, is_public, created_at, modified_at)
SELECT r.id, r.organization_id, r.is_public, r.now, r.now FROM {rows} r;

-- name: by_ids
-- Those of these pipelines that are the organization's own or public.
-- lists: ids bigint
SELECT id, organization_id, is_public, created_at, modified_at
FROM job_pipeline
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);

-- name: lock
SELECT id, organization_id, is_public, created_at, modified_at
FROM job_pipeline
WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: page
-- The organization's pipelines that pass the filters (-1 excludes nothing), the newest first. A filter for public
-- pipelines, or for those of a schedule, also includes public ones of other organizations.
SELECT p.id, p.organization_id, p.is_public, p.created_at, p.modified_at
FROM job_pipeline p
WHERE (p.organization_id = :organization_id
       OR p.is_public = 1 AND (CAST(:is_public AS INTEGER) = 1 OR CAST(:schedule_id AS BIGINT) >= 0))
  AND (CAST(:is_public AS INTEGER) = -1 OR p.is_public = CAST(:is_public AS INTEGER))
  AND (CAST(:schedule_id AS BIGINT) = -1
       OR EXISTS (SELECT 1 FROM schedule_launch l JOIN scheduled_job s ON s.id = l.schedule_id
                  WHERE l.schedule_id = CAST(:schedule_id AS BIGINT) AND l.pipeline_id = p.id
                    AND (s.organization_id = :organization_id OR s.is_public = 1)))
ORDER BY p.id DESC
LIMIT CAST(:limit AS BIGINT) OFFSET CAST(:offset AS BIGINT);

-- name: members
-- The templates of the pipelines, stage by stage.
-- lists: ids bigint
SELECT pipeline_id, id FROM job_template WHERE pipeline_id IN {ids} ORDER BY pipeline_id, COALESCE(stage, 0), id;

-- name: update
UPDATE job_pipeline SET is_public = :is_public, modified_at = :now WHERE id = :id;

-- name: place
-- Puts the templates into these pipelines at these stages.
-- rows: id bigint, pipeline_id bigint, stage int, now bigint
UPDATE job_template
SET pipeline_id = r.pipeline_id, stage = r.stage, version = job_template.version + 1, modified_at = r.now
FROM {rows} r
WHERE job_template.id = r.id;

-- name: delete
DELETE FROM job_pipeline WHERE id = :id;

-- name: launched_by
-- The schedules that launch the pipeline, including those of other organizations.
SELECT DISTINCT l.schedule_id, s.organization_id
FROM schedule_launch l JOIN scheduled_job s ON s.id = l.schedule_id
WHERE l.pipeline_id = :id
ORDER BY l.schedule_id;
