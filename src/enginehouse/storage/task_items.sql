-- name: page
-- The items of a task after one of them, in order. An open item has a row. Of one that has ended, its last attempt is left.
SELECT x.item, x.status, x.number, x.worker, x.started_at, x.ended_at, x.again_at, x.failure_reason, x.failure_message
FROM (
  SELECT w.item, w.attempts AS number, w.worker, CASE WHEN w.lease_until IS NOT NULL THEN w.started_at END AS started_at,
         CAST(NULL AS BIGINT) AS ended_at,
         CASE WHEN w.lease_until IS NULL AND w.not_before > :now THEN w.not_before END AS again_at,
         CASE WHEN w.lease_until IS NULL THEN a.failure_reason END AS failure_reason,
         CASE WHEN w.lease_until IS NULL THEN a.failure_message END AS failure_message,
         CASE WHEN :live = 0 THEN 'aborted' WHEN w.lease_until IS NOT NULL THEN 'running'
              WHEN w.held > 0 OR w.not_before > :now THEN 'waiting' ELSE 'queued' END AS status
  FROM work_item w
  LEFT JOIN attempt a ON a.job_id = w.job_id AND a.ordinal = w.ordinal AND a.item = w.item AND a.number = w.attempts
  WHERE w.job_id = :job_id AND w.ordinal = :ordinal AND w.organization_id = :organization_id AND w.item > :after
) x
WHERE :status = '' OR x.status = :status
UNION ALL
SELECT x.item, x.status, x.number, x.worker, x.started_at, x.ended_at, NULL, x.failure_reason, x.failure_message
FROM (
  SELECT a.item, a.number, a.worker, a.started_at, a.ended_at, a.failure_reason, a.failure_message,
         CASE WHEN a.outcome = 'complete' THEN 'complete' WHEN a.outcome IN ('failed', 'lost') THEN 'failed'
              ELSE 'aborted' END AS status
  FROM job j JOIN attempt a ON a.job_id = j.id
  WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal AND a.item > :after
    AND NOT EXISTS (SELECT 1 FROM attempt n
                    WHERE n.job_id = a.job_id AND n.ordinal = a.ordinal AND n.item = a.item AND n.number > a.number)
    AND NOT EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = a.job_id AND w.ordinal = a.ordinal AND w.item = a.item)
) x
WHERE :status = '' OR x.status = :status
ORDER BY item
LIMIT :limit;

-- name: open
-- How many items of a task are open, how many of them run, and how many wait for their time or for others of the task.
SELECT COUNT(*) AS items, COUNT(lease_until) AS running,
       COUNT(CASE WHEN lease_until IS NULL AND (held > 0 OR not_before > :now) THEN 1 END) AS waiting
FROM work_item
WHERE job_id = :job_id AND ordinal = :ordinal AND organization_id = :organization_id;

-- name: ended
-- How many items of a task have ended, by the outcome of their last attempt.
SELECT a.outcome, COUNT(*) AS items
FROM job j JOIN attempt a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal
  AND NOT EXISTS (SELECT 1 FROM attempt n
                  WHERE n.job_id = a.job_id AND n.ordinal = a.ordinal AND n.item = a.item AND n.number > a.number)
GROUP BY a.outcome;
