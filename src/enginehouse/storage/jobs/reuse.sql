-- name: mark_tasks
-- rows: job_id bigint, ordinal int, reused_from bigint
UPDATE task SET reused_from = r.reused_from
FROM {rows} r
WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: share
-- rows: job_id bigint, ordinal int
UPDATE artifact SET shared = 1
FROM {rows} r
WHERE artifact.job_id = r.job_id AND artifact.ordinal = r.ordinal AND artifact.shared = 0;

-- name: copy
-- Copies the output rows of a task of the source job to the new job; both refer to the same bytes.
-- rows: job_id bigint, ordinal int, source bigint
INSERT INTO artifact (job_id, ordinal, folder, item, part, position, name, media_type, size, sha256, storage_key, start_ms,
                      stop_ms, metadata, created_at, shared, bytes_deleted_at)
SELECT r.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, 1, a.bytes_deleted_at
FROM {rows} r
JOIN artifact a ON a.job_id = r.source AND a.ordinal = r.ordinal;

-- name: outputs
-- The outputs of the tasks, by name and key.
-- rows: job_id bigint, ordinal int
SELECT a.ordinal, a.name, a.storage_key
FROM {rows} r
JOIN artifact a ON a.job_id = r.job_id AND a.ordinal = r.ordinal AND a.folder >= -1
ORDER BY a.ordinal, a.folder, a.position, a.item, a.part;

-- name: deleted
-- Those of these tasks that were deleted. Whoever deletes one holds the lock of shared bytes, as this transaction does.
-- rows: job_id bigint, ordinal int
SELECT t.job_id, t.ordinal FROM {rows} r
JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal
WHERE t.deleted_at IS NOT NULL;
