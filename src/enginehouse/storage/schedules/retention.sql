-- name: schedules
-- The next schedules in the order of their ids.
SELECT id FROM scheduled_job WHERE id > :after ORDER BY id LIMIT :limit;

-- name: prune_slots
-- Deletes old slot records. A slot that waits for a run is not history yet, and stays.
-- lists: ids bigint
DELETE FROM schedule_slot WHERE (schedule_id, slot) IN (
  SELECT schedule_id, slot FROM schedule_slot
  WHERE schedule_id IN {ids} AND slot < :before AND last_slot < :before AND outcome <> 'queued'
  ORDER BY schedule_id, slot LIMIT :limit
  {skip_locked});

-- name: prune_versions
-- Deletes old versions of schedules. The last version stays, so that a change can still be undone.
-- lists: ids bigint
DELETE FROM scheduled_job_version WHERE (schedule_id, version) IN (
  SELECT v.schedule_id, v.version FROM scheduled_job_version v
  WHERE v.schedule_id IN {ids} AND v.replaced_at < :before
    AND v.version < (SELECT MAX(last.version) FROM scheduled_job_version last WHERE last.schedule_id = v.schedule_id)
  ORDER BY v.schedule_id, v.version LIMIT :limit
  {skip_locked});
