-- name: active
-- How many schedules are to be looked at some time, how many should have been before a moment, and when the first is.
SELECT COUNT(*), COALESCE(SUM(CASE WHEN next_at < :before THEN 1 ELSE 0 END), 0), MIN(next_at)
FROM scheduled_job WHERE next_at IS NOT NULL;

-- name: ahead
-- Slots that were decided though the cursor has not come to them: they would be decided again.
SELECT s.schedule_id, MAX(s.last_slot) AS last_slot, j.decided
FROM schedule_slot s JOIN scheduled_job j ON j.id = s.schedule_id
WHERE s.last_slot > j.decided AND s.outcome = 'fired'
GROUP BY s.schedule_id, j.decided
ORDER BY s.schedule_id
LIMIT :limit;

-- name: timings
SELECT id, timing FROM scheduled_job WHERE id > :after AND next_at IS NOT NULL ORDER BY id LIMIT :limit;
