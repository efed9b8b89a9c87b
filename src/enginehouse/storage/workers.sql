-- name: beat
-- Stores the worker's report.
INSERT INTO worker (name, pools, engines, resources, started_at, seen_at, unable)
VALUES (:name, :pools, :engines, :resources, :now, :now, :unable)
ON CONFLICT (name) DO UPDATE SET pools = excluded.pools, engines = excluded.engines, resources = excluded.resources,
                                 seen_at = excluded.seen_at, unable = excluded.unable;

-- name: forget
-- Deletes workers that have not reported since `before`.
DELETE FROM worker WHERE seen_at < :before;

-- name: clear
-- Those of servers; a worker on another machine outlives the server's process.
DELETE FROM worker WHERE name NOT LIKE 'remote/%';

-- name: remove
DELETE FROM worker WHERE name = :name;

-- name: all
SELECT name, pools, engines, resources, started_at, seen_at, unable FROM worker ORDER BY started_at, name;

-- name: drains
SELECT seat, reason, detail, drained_at FROM worker_drain;

-- name: drain
-- A worker that is drained already keeps its time.
INSERT INTO worker_drain (seat, reason, detail, drained_at) VALUES (:seat, :reason, :detail, :now)
ON CONFLICT (seat) DO UPDATE SET reason = excluded.reason, detail = excluded.detail;

-- name: resume
DELETE FROM worker_drain WHERE seat = :seat;

-- name: running
-- The number of attempts leased to each worker, in each pool.
SELECT worker, pool, COUNT(*) FROM work_item WHERE lease_until IS NOT NULL GROUP BY worker, pool;
