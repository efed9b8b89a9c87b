-- name: delete_artifacts
-- The outputs of tasks that run again; their jobs are locked. What was pushed to them stays, and is their input again.
-- rows: job_id bigint, ordinal int
DELETE FROM artifact
WHERE (job_id, ordinal) IN (SELECT r.job_id, r.ordinal FROM {rows} r) AND folder >= -1
RETURNING storage_key, shared;

-- name: delete_outputs
-- What updates have reported as the outputs of these tasks.
-- rows: job_id bigint, ordinal int
DELETE FROM task_output WHERE (job_id, ordinal) IN (SELECT r.job_id, r.ordinal FROM {rows} r);

-- name: delete_polls
-- rows: job_id bigint, ordinal int
DELETE FROM task_poll WHERE (job_id, ordinal) IN (SELECT r.job_id, r.ordinal FROM {rows} r);

-- name: count_attempts
-- The next attempts of these tasks get numbers of their own.
-- rows: job_id bigint, ordinal int
UPDATE task SET attempts_before = task.attempts FROM {rows} r
WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: deleted
-- The deleted tasks of these jobs, which are locked.
-- lists: ids bigint
SELECT job_id, ordinal FROM task WHERE job_id IN {ids} AND deleted_at IS NOT NULL;
