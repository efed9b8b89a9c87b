-- name: jobs
-- Each job with its own counts and those of its task rows, without the reused tasks, which do not count.
-- A job with a standby task has more rows than tasks that count.
SELECT j.id, j.status, j.cancelled, j.started_at,
       j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted,
       j.stopping, SUM(CASE WHEN t.reused_from IS NULL THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'queued' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'running' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'complete' AND t.reused_from IS NULL THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'failed' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'aborted' THEN 1 ELSE 0 END),
       SUM(t.items_running),
       SUM(CASE WHEN t.reused_from IS NOT NULL AND (t.status <> 'complete' OR t.items <> 0) THEN 1 ELSE 0 END)
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id > :after
GROUP BY j.id, j.status, j.cancelled, j.started_at,
         j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted, j.stopping
ORDER BY j.id
LIMIT :limit;
