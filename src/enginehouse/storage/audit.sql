-- name: jobs
-- Each job with its own counts and those of its task rows. A job with a standby task has more rows than tasks that count.
SELECT j.id, j.status, j.cancelled, j.started_at,
       j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted,
       j.stopping, COUNT(*),
       SUM(CASE WHEN t.status = 'queued' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'running' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'complete' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'failed' THEN 1 ELSE 0 END),
       SUM(CASE WHEN t.status = 'aborted' THEN 1 ELSE 0 END),
       SUM(t.items_running)
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id > :after
GROUP BY j.id, j.status, j.cancelled, j.started_at,
         j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted, j.stopping
ORDER BY j.id
LIMIT :limit;
