-- name: put
-- What is stored already stays as it is.
INSERT INTO attempt_output (storage_key, job_id, ordinal, item, token, size, sha256, md5, stored_at, is_expected)
VALUES (:key, :job_id, :ordinal, :item, :token, :size, :sha256, :md5, :now, :is_expected)
ON CONFLICT (storage_key) DO UPDATE SET
  size = excluded.size, sha256 = excluded.sha256, md5 = excluded.md5, stored_at = excluded.stored_at,
  is_expected = excluded.is_expected
WHERE attempt_output.is_expected = 1;

-- name: by_keys
-- lists: keys text
SELECT storage_key AS key, size, sha256, md5 FROM attempt_output WHERE storage_key IN {keys} AND is_expected = 0;

-- name: expected
SELECT storage_key AS key, size, sha256, md5 FROM attempt_output WHERE storage_key = :key AND is_expected = 1;

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
