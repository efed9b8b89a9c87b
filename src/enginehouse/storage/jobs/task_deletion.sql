-- name: there
-- The task as it is counted, if the job has it; the job is locked.
SELECT t.engine_id, t.status, CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END AS reason,
       CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END AS backlog,
       CASE WHEN j.cancelled = 1 AND t.status NOT IN ('complete', 'failed', 'aborted') AND t.items_running = 0
            THEN 1 ELSE 0 END AS unended
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id = :job_id AND t.ordinal = :ordinal AND t.deleted_at IS NULL;

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
