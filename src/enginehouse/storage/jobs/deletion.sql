-- name: keys_of_jobs
-- lists: ids bigint
SELECT storage_key, MAX(shared) FROM artifact WHERE job_id IN {ids} AND bytes_deleted_at IS NULL
GROUP BY storage_key;

-- name: tasks
-- How many tasks of each of these jobs are not deleted.
-- lists: ids bigint
SELECT job_id, COUNT(*) FROM task WHERE job_id IN {ids} AND deleted_at IS NULL GROUP BY job_id;

-- name: named_elsewhere
-- The keys that jobs outside `ids`, or assets, also use.
-- lists: keys text, ids bigint
SELECT storage_key FROM artifact
WHERE shared = 1 AND storage_key IN {keys} AND job_id NOT IN {ids}
UNION
SELECT storage_key FROM asset WHERE storage_key IN {keys};

-- name: attempts_of_jobs
-- Every attempt of these jobs, including running ones: each may have left a log.
-- lists: ids bigint
SELECT j.organization_id, a.job_id, a.ordinal, a.item, a.number
FROM attempt a JOIN job j ON j.id = a.job_id AND j.id IN {ids}
WHERE a.job_id IN {ids}
UNION
SELECT w.organization_id, w.job_id, w.ordinal, w.item, w.attempts
FROM work_item w
WHERE w.job_id IN {ids} AND w.attempts > 0;
