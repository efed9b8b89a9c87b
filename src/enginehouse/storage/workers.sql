-- name: beat
-- Stores the reports of the workers.
-- rows: name text, seat text, pools text, engines text, resources text, reload text, unable text, now bigint
INSERT INTO worker (name, seat, pools, engines, resources, started_at, seen_at, reload, unable)
SELECT r.name, r.seat, r.pools, r.engines, r.resources, r.now, r.now, r.reload, r.unable FROM {rows} r WHERE true
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
-- The workers, each with its drain: NULL if there is none.
SELECT w.name, w.pools, w.engines, w.resources, w.started_at, w.seen_at, w.reload, w.unable,
       d.seat AS drained_seat, d.reason AS drain_reason, d.detail AS drain_detail, d.drained_at
FROM worker w LEFT JOIN worker_drain d ON d.seat = w.seat
ORDER BY w.started_at, w.name;

-- name: at_work
-- The same, each with the number of attempts leased to it.
SELECT w.name, w.pools, w.engines, w.resources, w.started_at, w.seen_at, w.reload, w.unable,
       d.seat AS drained_seat, d.reason AS drain_reason, d.detail AS drain_detail, d.drained_at,
       COALESCE(l.running, 0) AS running
FROM worker w
LEFT JOIN worker_drain d ON d.seat = w.seat
LEFT JOIN (SELECT i.worker, COUNT(*) AS running FROM work_item i WHERE i.lease_until IS NOT NULL GROUP BY i.worker) l
  ON l.worker = w.name
ORDER BY w.started_at, w.name;

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
