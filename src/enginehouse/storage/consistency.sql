-- name: jobs
-- Each job with its own counts and those of its task rows. Reused tasks do not count.
-- A job with a standby task has more rows than tasks that count.
SELECT j.id, j.status, j.cancelled, j.started_at,
       j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted,
       j.stopping, SUM(CASE WHEN t.reused_from IS NULL THEN 1 ELSE 0 END) AS task_rows,
       SUM(CASE WHEN t.status = 'queued' THEN 1 ELSE 0 END) AS queued_rows,
       SUM(CASE WHEN t.status IN ('running', 'paused', 'waiting') THEN 1 ELSE 0 END) AS running_rows,
       SUM(CASE WHEN t.status = 'complete' AND t.reused_from IS NULL THEN 1 ELSE 0 END) AS complete_rows,
       SUM(CASE WHEN t.status = 'failed' THEN 1 ELSE 0 END) AS failed_rows,
       SUM(CASE WHEN t.status = 'aborted' THEN 1 ELSE 0 END) AS aborted_rows,
       SUM(t.items_running) AS items_running,
       SUM(CASE WHEN t.reused_from IS NOT NULL AND (t.status <> 'complete' OR t.items <> 0) THEN 1 ELSE 0 END) AS wrongly_reused
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id > :after
GROUP BY j.id, j.status, j.cancelled, j.started_at,
         j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed, j.tasks_aborted, j.stopping
ORDER BY j.id
LIMIT :limit;

-- name: engines
-- The engines that the tasks of these jobs name, and whether the list of their jobs has the job.
SELECT t.job_id, t.engine_id, j.engine_set,
       MAX(CASE WHEN EXISTS (
         SELECT 1 FROM job_engine e
         WHERE e.organization_id = j.organization_id AND e.engine_id = t.engine_id AND e.job_id = t.job_id
       ) THEN 1 ELSE 0 END) AS listed
FROM task t JOIN job j ON j.id = t.job_id
WHERE t.job_id > :after AND t.job_id <= :last
GROUP BY t.job_id, t.engine_id, j.engine_set
ORDER BY t.job_id, t.engine_id;

-- name: ends
-- Tasks that stand in the list of ended tasks otherwise than their rows say, or in that of another organization.
SELECT t.job_id, t.ordinal, t.status, t.ended_as, t.ended_at,
       CASE WHEN t.organization_id <> j.organization_id THEN 1 ELSE 0 END AS foreign_row
FROM task t JOIN job j ON j.id = t.job_id
WHERE t.organization_id <> j.organization_id
   OR COALESCE(t.ended_as, '') <> CASE WHEN t.status IN ('complete', 'failed', 'aborted') THEN t.status ELSE '' END
   OR COALESCE(t.ended_at, -1) <> CASE
        WHEN t.deleted_at IS NOT NULL THEN COALESCE(t.ended_at, -1)
        WHEN t.status IN ('complete', 'failed', 'aborted') THEN t.modified_at ELSE -1 END
ORDER BY t.job_id, t.ordinal
LIMIT :limit;

-- name: wrongly_held
-- Items whose hold disagrees with the pause of their job, and items that wait for another of their task to end while
-- none is free.
SELECT w.job_id, w.ordinal, w.item, CASE WHEN (w.held >= 2) <> (j.paused_at IS NOT NULL) THEN 1 ELSE 0 END AS by_pause
FROM work_item w JOIN job j ON j.id = w.job_id
WHERE (w.held >= 2) <> (j.paused_at IS NOT NULL)
   OR (w.held IN (1, 3) AND NOT EXISTS (
         SELECT 1 FROM work_item o WHERE o.job_id = w.job_id AND o.ordinal = w.ordinal AND o.held IN (0, 2)))
ORDER BY w.job_id, w.ordinal, w.item
LIMIT :limit;

-- name: schedules
-- How many schedules have a next time, how many of these times are before `before`, and the earliest one.
SELECT COUNT(*), COALESCE(SUM(CASE WHEN next_at < :before THEN 1 ELSE 0 END), 0), MIN(next_at)
FROM scheduled_job WHERE next_at IS NOT NULL;

-- name: slots_ahead
-- Slots that have fired although the cursor has not reached them: they would fire again.
SELECT s.schedule_id, MAX(s.last_slot) AS last_slot, j.decided
FROM schedule_slot s JOIN scheduled_job j ON j.id = s.schedule_id
WHERE s.last_slot > j.decided AND s.outcome = 'fired'
GROUP BY s.schedule_id, j.decided
ORDER BY s.schedule_id
LIMIT :limit;

-- name: timings
SELECT id, timing FROM scheduled_job WHERE id > :after AND next_at IS NOT NULL ORDER BY id LIMIT :limit;
