-- name: worker_seen
-- The worker was last heard of so long ago.
UPDATE worker SET seen_at = seen_at - :ago WHERE name = :name;

-- name: engine_state
UPDATE engine SET state = :state WHERE id = :id;

-- name: engine_gone
DELETE FROM engine WHERE id = :id;
