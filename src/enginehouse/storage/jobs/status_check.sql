-- name: reused
-- The tasks that are complete by outputs of another job; the job is locked.
SELECT ordinal FROM task WHERE job_id = :job_id AND reused_from IS NOT NULL;

-- name: stopping
-- How many attempts of the locked job must stop and have not ended.
SELECT COUNT(*) FROM work_item
WHERE job_id = :job_id AND lease_until IS NOT NULL AND stop_requested_at IS NOT NULL;

-- name: set_total
UPDATE job SET tasks_total = :total WHERE id = :job_id;
