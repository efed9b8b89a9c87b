-- name: put
INSERT INTO attempt_output (storage_key, job_id, ordinal, item, token, size, sha256, md5, stored_at)
VALUES (:key, :job_id, :ordinal, :item, :token, :size, :sha256, :md5, :now)
ON CONFLICT (storage_key) DO NOTHING;

-- name: by_keys
-- lists: keys text
SELECT storage_key AS key, size, sha256, md5 FROM attempt_output WHERE storage_key IN {keys};

-- name: due
-- Those that came before `before` and whose lease has ended, with whether an output of the task has taken them over.
SELECT u.storage_key,
       EXISTS (SELECT 1 FROM artifact a
               WHERE a.job_id = u.job_id AND a.ordinal = u.ordinal AND a.storage_key = u.storage_key) AS is_kept
FROM attempt_output u
WHERE u.stored_at < :before
  AND NOT EXISTS (SELECT 1 FROM work_item w
                  WHERE w.job_id = u.job_id AND w.ordinal = u.ordinal AND w.item = u.item AND w.token = u.token
                    AND w.lease_until IS NOT NULL)
ORDER BY u.stored_at
LIMIT :limit;

-- name: delete
-- lists: keys text
DELETE FROM attempt_output WHERE storage_key IN {keys};
