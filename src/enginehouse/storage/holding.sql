-- name: release_next
-- The lowest held item of each task is held by its task's limit no longer.
-- rows: job_id bigint, ordinal int
UPDATE work_item
SET held = held - 1
WHERE (job_id, ordinal, item) IN (
  SELECT r.job_id, r.ordinal,
         (SELECT MIN(w.item) FROM work_item w
          WHERE w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.held IN (1, 3))
  FROM {rows} r);

-- name: lock_job
-- The organization's job, locked, as it is now.
SELECT j.id, CASE WHEN {covered:j} OR j.cancelled = 1 THEN 'aborted' ELSE j.status END, j.paused_at, j.completed_at
FROM job j
WHERE j.id = :id AND j.organization_id = :organization_id
{for_update};

-- name: pause_job
UPDATE job SET paused_at = :now, modified_at = :now WHERE id = :id AND organization_id = :organization_id;

-- name: hold_items
UPDATE work_item SET held = held + 2 WHERE job_id = :id AND held < 2;

-- name: resume_job
UPDATE job SET paused_at = NULL, modified_at = :now WHERE id = :id AND organization_id = :organization_id;

-- name: free_items
UPDATE work_item SET held = held - 2 WHERE job_id = :id AND held >= 2;

-- name: pause_organization
UPDATE organization SET paused_at = COALESCE(paused_at, :now), modified_at = :now WHERE id = :organization_id;

-- name: resume_organization
UPDATE organization SET paused_at = NULL, modified_at = :now WHERE id = :organization_id;

-- name: set_share
UPDATE organization SET weight = :weight, running_limit = :running_limit, modified_at = :now WHERE id = :organization_id;

-- name: set_engine
-- Of the organization, or of all when it is NULL.
UPDATE engine SET state = :state, running_limit = :running_limit, modified_at = :now
WHERE id = :id AND (organization_id = :organization_id
                    OR organization_id IS NULL AND CAST(:organization_id AS BIGINT) IS NULL);
