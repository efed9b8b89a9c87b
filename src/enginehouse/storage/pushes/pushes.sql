-- name: insert_endpoints
-- rows: organization_id bigint, endpoint text, job_id bigint, ordinal int, folder int
INSERT INTO endpoint (organization_id, endpoint, job_id, ordinal, folder)
SELECT r.organization_id, r.endpoint, r.job_id, r.ordinal, r.folder FROM {rows} r WHERE true
ON CONFLICT (organization_id, endpoint, job_id, ordinal, folder) DO NOTHING;

-- name: live_jobs
-- The jobs of the endpoint that no push has found ended yet.
SELECT DISTINCT e.job_id, j.status, j.cancelled
FROM endpoint e JOIN job j ON j.id = e.job_id AND j.organization_id = e.organization_id
WHERE e.organization_id = :organization_id AND e.endpoint = :endpoint AND e.live = 1
ORDER BY e.job_id;

-- name: last_job
SELECT e.job_id, j.status, j.cancelled
FROM endpoint e JOIN job j ON j.id = e.job_id AND j.organization_id = e.organization_id
WHERE e.organization_id = :organization_id AND e.endpoint = :endpoint
ORDER BY e.job_id DESC LIMIT 1;

-- name: folders
-- The input folders of these jobs, which are locked, and how many pushes each has taken through all its endpoints.
-- rows: organization_id bigint, endpoint text, job_id bigint
SELECT e.job_id, e.ordinal, e.folder,
       CAST((SELECT SUM(o.pushed) FROM endpoint o
             WHERE o.job_id = e.job_id AND o.ordinal = e.ordinal AND o.folder = e.folder) AS BIGINT) AS pushed
FROM {rows} r
JOIN endpoint e ON e.organization_id = r.organization_id AND e.endpoint = r.endpoint AND e.job_id = r.job_id
ORDER BY e.job_id, e.ordinal, e.folder;

-- name: count
-- The jobs are locked.
-- rows: organization_id bigint, endpoint text, job_id bigint, ordinal int, folder int
UPDATE endpoint SET pushed = endpoint.pushed + 1 FROM {rows} r
WHERE endpoint.organization_id = r.organization_id AND endpoint.endpoint = r.endpoint AND endpoint.job_id = r.job_id
  AND endpoint.ordinal = r.ordinal AND endpoint.folder = r.folder;

-- name: retire
-- rows: organization_id bigint, endpoint text, job_id bigint
UPDATE endpoint SET live = 0 FROM {rows} r
WHERE endpoint.organization_id = r.organization_id AND endpoint.endpoint = r.endpoint AND endpoint.job_id = r.job_id;

-- name: revive
-- lists: ids bigint
UPDATE endpoint SET live = 1 WHERE job_id IN {ids} AND live = 0;

-- name: delete_endpoints
-- lists: ids bigint
DELETE FROM endpoint WHERE job_id IN {ids};

-- name: delete_traces
-- lists: ids bigint
DELETE FROM push_item WHERE job_id IN {ids};

-- name: begin_traces
-- The first items of pushes whose clients wait.
-- rows: job_id bigint, ordinal int, item int, kept_until bigint
INSERT INTO push_item (job_id, ordinal, item, root_ordinal, root_item, kept_until)
SELECT r.job_id, r.ordinal, r.item, r.ordinal, r.item, r.kept_until FROM {rows} r;

-- name: follow
-- An item that reads an output of an item of a push belongs to the same push.
-- rows: job_id bigint, ordinal int, item int, source_ordinal int, source_item int
INSERT INTO push_item (job_id, ordinal, item, root_ordinal, root_item, kept_until)
SELECT r.job_id, r.ordinal, r.item, p.root_ordinal, p.root_item, p.kept_until
FROM {rows} r
JOIN push_item p ON p.job_id = r.job_id AND p.ordinal = r.source_ordinal AND p.item = r.source_item;

-- name: forget_tasks
-- The items of these tasks get new numbers.
-- rows: job_id bigint, ordinal int
DELETE FROM push_item WHERE (job_id, ordinal) IN (SELECT r.job_id, r.ordinal FROM {rows} r);

-- name: over
-- Items of pushes of the job for which nobody waits any more.
SELECT ordinal, item FROM push_item WHERE job_id = :job_id AND kept_until < :now ORDER BY kept_until LIMIT :limit;

-- name: forget_items
-- only: postgres
-- rows: job_id bigint, ordinal int, item int
DELETE FROM push_item WHERE (job_id, ordinal, item) IN (SELECT r.job_id, r.ordinal, r.item FROM {rows} r);

-- name: forget_items
-- One item at a time: for a list of keys, SQLite would look at every item of the job.
-- only: sqlite
-- rows: job_id bigint, ordinal int, item int
DELETE FROM push_item
WHERE job_id = (SELECT r.job_id FROM {rows} r) AND ordinal = (SELECT r.ordinal FROM {rows} r)
  AND item = (SELECT r.item FROM {rows} r);

-- name: open
-- Those of these pushes of which an item may still run, or runs.
-- rows: job_id bigint, root_ordinal int, root_item int
SELECT r.job_id, r.root_ordinal, r.root_item
FROM {rows} r
WHERE EXISTS (SELECT 1 FROM push_item p
              JOIN work_item w ON w.job_id = p.job_id AND w.ordinal = p.ordinal AND w.item = p.item
              WHERE p.job_id = r.job_id AND p.root_ordinal = r.root_ordinal AND p.root_item = r.root_item);

-- name: results
-- The outputs of the pushes in the folders of the tasks that clients wait for, in the order of the outputs.
-- rows: job_id bigint, root_ordinal int, root_item int, ordinal int, folder int, organization_id bigint
SELECT r.root_ordinal, r.root_item, a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type,
       a.size, a.sha256, a.storage_key, a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN push_item p ON p.job_id = r.job_id AND p.root_ordinal = r.root_ordinal AND p.root_item = r.root_item
 AND p.ordinal = r.ordinal
JOIN artifact a ON a.job_id = p.job_id AND a.ordinal = p.ordinal AND a.folder = r.folder AND a.item = p.item
ORDER BY a.item, a.folder, a.part;

-- name: failures
-- Why the attempts of these pushes failed.
-- rows: job_id bigint, root_ordinal int, root_item int, organization_id bigint
SELECT r.job_id, r.root_ordinal, r.root_item, a.ordinal, a.failure_reason, a.failure_message
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN push_item p ON p.job_id = r.job_id AND p.root_ordinal = r.root_ordinal AND p.root_item = r.root_item
JOIN attempt a ON a.job_id = p.job_id AND a.ordinal = p.ordinal AND a.item = p.item
WHERE a.outcome <> 'complete' AND a.outcome <> 'postponed'
ORDER BY a.ended_at;

-- name: tasks
-- The tasks whose results clients wait for, with their jobs.
-- rows: job_id bigint, ordinal int, organization_id bigint
SELECT t.job_id, t.ordinal, t.status, j.status AS job_status, j.cancelled
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal;
