-- name: keys_of_jobs
-- lists: ids bigint
SELECT storage_key, MAX(shared) FROM artifact WHERE job_id IN {ids} GROUP BY storage_key;

-- name: named_elsewhere
-- Those of the keys that a row of a job which stays names too.
-- lists: keys text, ids bigint
SELECT DISTINCT storage_key FROM artifact
WHERE shared = 1 AND storage_key IN {keys} AND job_id NOT IN {ids};
