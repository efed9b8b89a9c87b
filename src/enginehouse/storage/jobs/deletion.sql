-- name: keys_of_jobs
-- lists: ids bigint
SELECT storage_key, MAX(shared) FROM artifact WHERE job_id IN {ids} AND bytes_deleted_at IS NULL
GROUP BY storage_key;

-- name: tasks
-- How many tasks of these jobs are not deleted, as they are counted. `unended`: shown as aborted, because the job was
-- cancelled.
-- lists: ids bigint
SELECT j.organization_id, t.engine_id, t.status,
       CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END AS reason,
       CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END AS backlog,
       CASE WHEN j.cancelled = 1 AND t.status NOT IN ('complete', 'failed', 'aborted') AND t.items_running = 0
            THEN 1 ELSE 0 END AS unended,
       COUNT(*) AS tasks
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id IN {ids} AND t.deleted_at IS NULL
GROUP BY 1, 2, 3, 4, 5, 6;

-- name: engines
-- How many of these jobs name each engine.
-- lists: ids bigint
SELECT j.organization_id, t.engine_id, COUNT(DISTINCT t.job_id) AS jobs
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id IN {ids}
GROUP BY 1, 2;

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
