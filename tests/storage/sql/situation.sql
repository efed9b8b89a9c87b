-- name: worker_seen
-- Moves the worker's last report back in time.
UPDATE worker SET seen_at = seen_at - :ago WHERE name = :name;

-- name: engine_state
UPDATE engine SET state = :state WHERE id = :id;

-- name: engine_gone
DELETE FROM engine WHERE id = :id;

-- name: rate
-- A job that was created in this minute, counted by another writer.
INSERT INTO job_rate (organization_id, minute, writer, created, started, complete, failed, aborted)
VALUES (:organization_id, :minute, 99, 1, 0, 0, 0, 0);

-- name: rates
SELECT minute FROM job_rate;
