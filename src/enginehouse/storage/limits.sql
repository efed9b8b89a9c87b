-- name: lock_jobs
-- The current status and pause of the organization's jobs, locked in key order.
-- lists: ids bigint
SELECT j.id, CASE WHEN {covered:j} OR j.cancelled = 1 THEN 'aborted' ELSE j.status END AS status, j.paused_at
FROM job j
WHERE j.id IN {ids} AND +j.organization_id = :organization_id
ORDER BY +j.id
{for_update};

-- name: set_jobs
-- lists: ids bigint
UPDATE job SET paused_at = :paused_at, modified_at = :now WHERE id IN {ids} AND +organization_id = :organization_id;

-- name: hold_items
-- lists: ids bigint
UPDATE work_item SET held = held + 2 WHERE job_id IN {ids} AND held < 2;

-- name: free_items
-- lists: ids bigint
UPDATE work_item SET held = held - 2 WHERE job_id IN {ids} AND held >= 2;

-- name: pause_organization
UPDATE organization SET paused_at = COALESCE(paused_at, :now), modified_at = :now WHERE id = :organization_id;

-- name: resume_organization
UPDATE organization SET paused_at = NULL, modified_at = :now WHERE id = :organization_id;

-- name: set_share
UPDATE organization SET weight = :weight, running_limit = :running_limit, modified_at = :now WHERE id = :organization_id;

-- name: set_engine_state
-- For a shared engine, or for the organization's own.
UPDATE engine SET state = :state, modified_at = :now
WHERE id = :id AND state = :was AND (organization_id IS NULL OR organization_id = :organization_id);

-- name: set_engine_limit
UPDATE engine SET running_limit = :running_limit, modified_at = :now
WHERE id = :id AND (organization_id IS NULL OR organization_id = :organization_id);
