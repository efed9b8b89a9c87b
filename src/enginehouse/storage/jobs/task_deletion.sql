-- name: there
-- A row if the job has the task; the job is locked.
SELECT 1 FROM task WHERE job_id = :job_id AND ordinal = :ordinal AND deleted_at IS NULL;

-- name: attempts
SELECT item, number FROM attempt WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: delete_outputs
DELETE FROM artifact WHERE job_id = :job_id AND ordinal = :ordinal RETURNING storage_key, shared;

-- name: delete_logs
DELETE FROM task_log WHERE job_id = :job_id AND ordinal = :ordinal RETURNING storage_key;

-- name: delete_attempts
DELETE FROM attempt WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: delete_reported
DELETE FROM task_output WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: delete_polls
DELETE FROM task_poll WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: delete_notifications
DELETE FROM task_notification WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: mark
UPDATE task SET deleted_at = :now, modified_at = :now WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: touch
UPDATE job SET modified_at = :now WHERE id = :id AND organization_id = :organization_id;
