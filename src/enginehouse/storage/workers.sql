-- name: beat
-- Stores the reports of the workers.
-- rows: name text, pools text, engines text, resources text, reload text, unable text, now bigint
INSERT INTO worker (name, pools, engines, resources, started_at, seen_at, reload, unable)
SELECT r.name, r.pools, r.engines, r.resources, r.now, r.now, r.reload, r.unable FROM {rows} r WHERE true
ON CONFLICT (name) DO UPDATE SET pools = excluded.pools, engines = excluded.engines, resources = excluded.resources,
                                 seen_at = excluded.seen_at, reload = excluded.reload, unable = excluded.unable;

-- name: forget
-- Deletes workers that have not reported since `before`.
DELETE FROM worker WHERE seen_at < :before;

-- name: clear
-- Those of servers; a worker on another machine outlives the server's process.
DELETE FROM worker WHERE name NOT LIKE 'remote/%';

-- name: remove
DELETE FROM worker WHERE name = :name;

-- name: all
SELECT name, pools, engines, resources, started_at, seen_at, reload, unable FROM worker ORDER BY started_at, name;

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
