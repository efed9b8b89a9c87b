-- name: uploads_after
-- The next uploads in the order of their ids.
SELECT id, storage_key, size, sha256
FROM upload
WHERE id > :id
ORDER BY id LIMIT :limit;

-- name: parts_after
-- The next bytes of attempts that have not ended, in the order of their keys.
SELECT storage_key
FROM attempt_output
WHERE storage_key > :storage_key
ORDER BY storage_key LIMIT :limit;

-- name: task_logs_after
-- The next logs that somebody has added to tasks, in the order of their keys.
SELECT job_id, ordinal, storage_key
FROM task_log
WHERE (job_id, ordinal, storage_key) > (:job_id, :ordinal, :storage_key)
ORDER BY job_id, ordinal, storage_key LIMIT :limit;

-- name: attempts_after
-- The next attempts that have ended, in the order of their keys: each may have left a log.
SELECT a.job_id, a.ordinal, a.item, a.number, j.organization_id
FROM attempt a JOIN job j ON j.id = a.job_id
WHERE (a.job_id, a.ordinal, a.item, a.number) > (:job_id, :ordinal, :item, :number)
ORDER BY a.job_id, a.ordinal, a.item, a.number LIMIT :limit;

-- name: items_after
-- The next items that have been started, in the order of their keys: each may have a log that grows.
SELECT job_id, ordinal, item, attempts, organization_id
FROM work_item
WHERE (job_id, ordinal, item) > (:job_id, :ordinal, :item) AND attempts > 0
ORDER BY job_id, ordinal, item LIMIT :limit;

-- name: named
-- Those of these keys that a row still names. For a person's check of a few keys: it goes through all outputs.
-- lists: keys text
SELECT storage_key FROM artifact WHERE storage_key IN {keys} AND bytes_deleted_at IS NULL
UNION
SELECT storage_key FROM asset WHERE storage_key IN {keys}
UNION
SELECT storage_key FROM export_request WHERE storage_key IN {keys}
UNION
SELECT storage_key FROM upload WHERE storage_key IN {keys};

-- name: jobs
-- How many jobs there are.
SELECT COUNT(*) FROM job;
