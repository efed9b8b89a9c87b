-- name: latest
-- The latest time that the storage clock has certainly given: whatever decides what happens next and can only be the
-- past, or at most `margin` later. The start of a schedule may be in the future, so its cursor does not count then.
SELECT MAX(t.at) AS micros FROM (
  SELECT MAX(seen_at) AS at FROM worker
  UNION ALL SELECT MAX(created_at) FROM token
  UNION ALL SELECT MAX(decided) FROM scheduled_job WHERE start_at IS NULL OR start_at <= :now
  UNION ALL SELECT MAX(lease_until) - CAST(:margin AS BIGINT) FROM work_item WHERE lease_until IS NOT NULL
  UNION ALL SELECT MAX(not_before) - CAST(:margin AS BIGINT) FROM work_item) t;

-- name: stop_at_later
-- An open bulk cancel of a later time that stops jobs which have started: it would stop new jobs, too.
SELECT id FROM barrier WHERE settled_at IS NULL AND include_running = 1 AND accepted_at > :now LIMIT 1;

-- name: start_items
-- What waits for a later time may start now, and has its turn.
UPDATE work_item SET not_before = :now, turn_at = :now WHERE not_before > :now;

-- name: shorten_leases
-- A worker that lives prolongs its lease before it runs out.
UPDATE work_item SET lease_until = :until WHERE lease_until > :later;

-- name: shorten_attempts
UPDATE work_item SET started_at = :now WHERE started_at > :now;

-- name: see_workers
UPDATE worker SET seen_at = :now WHERE seen_at > :now;

-- name: shorten_sessions
-- A session lasts as long as it would have.
UPDATE token SET expires_at = :now + (expires_at - created_at) WHERE created_at > :now AND kind = 'session';

-- name: date_tokens
UPDATE token SET created_at = CASE WHEN created_at > :now THEN :now ELSE created_at END,
                 used_at = CASE WHEN used_at > :now THEN :now ELSE used_at END
WHERE created_at > :now OR used_at > :now;

-- name: date_keys
UPDATE idempotency_key SET created_at = :now WHERE created_at > :now;

-- name: send_messages
-- Messages that wait are due now, and are tried as long as they would have been.
UPDATE outbox SET next_at = :now,
  expires_at = CASE WHEN created_at > :now THEN :now + (expires_at - created_at) ELSE expires_at END
WHERE next_at > :now;

-- name: open_destinations
UPDATE webhook_destination SET open_until = :now WHERE open_until > :now;

-- name: schedules
-- The schedules that took later slots for decided, locked.
SELECT id, timing, anchor FROM scheduled_job
WHERE decided > :now AND (start_at IS NULL OR start_at <= :now)
ORDER BY id {for_update};

-- name: look_again
-- Every schedule is looked at now. The cursor of a schedule that has begun goes back to now, and an interval that began
-- in the future begins now.
UPDATE scheduled_job
SET decided = CASE WHEN start_at > :now THEN decided WHEN decided > :now THEN :now ELSE decided END,
    anchor = CASE WHEN start_at > :now THEN anchor WHEN anchor > :now THEN :now ELSE anchor END,
    next_at = :now
WHERE is_active = 1 AND (next_at > :now OR decided > :now AND (start_at IS NULL OR start_at <= :now));

-- name: forget_slots
-- Slots that have not come yet: they fire when their time comes.
DELETE FROM schedule_slot WHERE slot > :now;

-- name: long_skips
-- Rows of skipped slots that reach beyond now.
SELECT schedule_id, slot, slots FROM schedule_slot WHERE last_slot > :now ORDER BY schedule_id, slot;

-- name: cut_skip
UPDATE schedule_slot SET last_slot = :last_slot, slots = :slots WHERE schedule_id = :schedule_id AND slot = :slot;
