-- name: lock
-- The organization's job of the task, locked: the order of its events is the order of their writers. `tasks` is 0 if the
-- job has no task with this ordinal.
SELECT j.id, (SELECT COUNT(*) FROM task t WHERE t.job_id = j.id AND t.ordinal = :ordinal) AS tasks
FROM job j
WHERE j.id = :job_id AND j.organization_id = :organization_id
{for_update};

-- name: count
-- How many warnings and logs the task has. Its job is locked.
SELECT (SELECT COUNT(*) FROM event e WHERE e.job_id = :job_id AND e.ordinal = :ordinal AND e.kind = 'warned') AS warnings,
       (SELECT COUNT(*) FROM task_log l WHERE l.job_id = :job_id AND l.ordinal = :ordinal) AS logs;

-- name: warn
-- The job is locked.
-- rows: job_id bigint, ordinal int, kind text, at bigint, detail text
INSERT INTO event (job_id, ordinal, kind, at, detail)
SELECT r.job_id, r.ordinal, r.kind, r.at, r.detail FROM {rows} r
RETURNING id;

-- name: warnings
-- The warnings of the tasks of these jobs of the organization, the oldest first.
-- lists: ids bigint
SELECT e.job_id, e.ordinal, e.id, e.at, e.detail
FROM job j JOIN event e ON e.job_id = j.id
WHERE j.id IN {ids} AND j.organization_id = :organization_id AND e.kind = 'warned'
ORDER BY e.id;

-- name: add_log
-- The job is locked.
INSERT INTO task_log (job_id, ordinal, storage_key, size, created_at)
VALUES (:job_id, :ordinal, :storage_key, :size, :now);

-- name: logs_of_jobs
-- The keys of the bytes of all logs that were added to tasks of these jobs.
-- lists: ids bigint
SELECT storage_key FROM task_log WHERE job_id IN {ids};

-- name: delete_logs
-- The jobs are locked.
-- lists: ids bigint
DELETE FROM task_log WHERE job_id IN {ids};
