-- name: worker_seen
-- The worker was last heard of so long ago.
UPDATE worker SET seen_at = seen_at - :ago WHERE name = :name;

-- name: engine_state
UPDATE engine SET state = :state WHERE id = :id;

-- name: engine_gone
DELETE FROM engine WHERE id = :id;

-- name: engine_limit
UPDATE engine SET running_limit = :most WHERE id = :id;

-- name: organization_limit
UPDATE organization SET running_limit = :most WHERE id = :id;

-- name: organization_paused
UPDATE organization SET paused_at = :now WHERE id = :id;

-- name: job_paused
UPDATE job SET paused_at = :now WHERE id = :id;

-- name: items_held
UPDATE work_item SET held = held + :by WHERE job_id = :id AND lease_until IS NULL;

-- name: item_held
UPDATE work_item SET held = 1 WHERE job_id = :id AND ordinal = :ordinal AND item >= :item AND lease_until IS NULL;
