-- name: worker_seen
-- Moves the worker's last report back in time.
UPDATE worker SET seen_at = seen_at - :ago WHERE name = :name;

-- name: engine_state
UPDATE engine SET state = :state WHERE id = :id;

-- name: engine_gone
DELETE FROM engine WHERE id = :id;
