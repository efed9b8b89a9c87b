-- name: list
-- The work items of a job, or how many there are: those that wait or run, and those that have ended, by their last attempt.
-- An ended item has no row of its own.
-- parts: total page of_task of_item of_statuses last_created first_created last_modified first_modified
-- lists: statuses text
-- if: total
SELECT COUNT(*) AS requests
-- if: page
SELECT x.job_id, x.ordinal, x.item, x.engine_id, x.worker, x.status, x.created_at, x.changed_at, x.attempts, x.failures, x.failure_message
FROM (
  SELECT w.job_id, w.ordinal, w.item, t.engine_id, w.worker,
         CASE WHEN w.lease_until IS NULL THEN 'pending' ELSE 'running' END AS status,
         COALESCE((SELECT MIN(b.started_at) FROM attempt b
                   WHERE b.job_id = w.job_id AND b.ordinal = w.ordinal AND b.item = w.item),
                  w.started_at, t.queued_at, j.created_at) AS created_at,
         COALESCE(CASE WHEN w.lease_until IS NOT NULL THEN w.started_at END,
                  (SELECT MAX(b.ended_at) FROM attempt b
                   WHERE b.job_id = w.job_id AND b.ordinal = w.ordinal AND b.item = w.item),
                  t.queued_at, j.created_at) AS changed_at,
         w.attempts,
         (SELECT COUNT(*) FROM attempt b WHERE b.job_id = w.job_id AND b.ordinal = w.ordinal AND b.item = w.item
          AND b.outcome IN ('failed', 'lost')) AS failures,
         NULL AS failure_message
  FROM job j CROSS JOIN work_item w CROSS JOIN task t
  WHERE j.id = :job_id AND j.organization_id = :organization_id AND w.job_id = :job_id
    AND t.job_id = :job_id AND t.ordinal = w.ordinal AND {task_status:j} <> 'aborted'
  UNION ALL
  SELECT a.job_id, a.ordinal, a.item, t.engine_id, a.worker,
         CASE WHEN a.outcome = 'complete' THEN 'complete'
              WHEN a.outcome = 'lost' OR a.failure_reason IN ('heartbeat_timeout', 'chunk_timeout') THEN 'timeout'
              ELSE 'failed' END,
         (SELECT MIN(b.started_at) FROM attempt b WHERE b.job_id = a.job_id AND b.ordinal = a.ordinal AND b.item = a.item),
         a.ended_at, a.number,
         (SELECT COUNT(*) FROM attempt b WHERE b.job_id = a.job_id AND b.ordinal = a.ordinal AND b.item = a.item
          AND b.outcome IN ('failed', 'lost')),
         a.failure_message
  FROM job j CROSS JOIN attempt a CROSS JOIN task t
  WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.job_id = :job_id
    AND t.job_id = :job_id AND t.ordinal = a.ordinal
    AND a.number = (SELECT MAX(b.number) FROM attempt b
                    WHERE b.job_id = a.job_id AND b.ordinal = a.ordinal AND b.item = a.item)
    AND NOT EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = a.job_id AND w.ordinal = a.ordinal AND w.item = a.item)
) x
WHERE x.job_id = :job_id
-- if: of_task
  AND x.ordinal = :ordinal
-- if: of_item
  AND x.item = :item
-- if: of_statuses
  AND x.status IN {statuses}
-- if: last_created
ORDER BY x.created_at DESC, x.ordinal DESC, x.item DESC
-- if: first_created
ORDER BY x.created_at, x.ordinal, x.item
-- if: last_modified
ORDER BY x.changed_at DESC, x.ordinal DESC, x.item DESC
-- if: first_modified
ORDER BY x.changed_at, x.ordinal, x.item
-- if: page
LIMIT :limit OFFSET :offset;
