-- name: task
-- The task; its job is locked.
SELECT status, waits_for, modified_at, engine_id FROM task WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: engine
-- The engine of the organization's task. It never changes, so this needs no lock.
SELECT t.engine_id FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND t.ordinal = :ordinal;

-- name: items
-- The items of the task that have not ended; its job is locked.
SELECT item, token, lease_until, worker, stop_requested_at
FROM work_item WHERE job_id = :job_id AND ordinal = :ordinal
ORDER BY item
{for_update};

-- name: set_output
-- The task's job is locked.
INSERT INTO task_output (job_id, ordinal, output) VALUES (:job_id, :ordinal, :output)
ON CONFLICT (job_id, ordinal) DO UPDATE SET output = excluded.output;

-- name: set_info
-- What the engine of an attempt says, unless its lease does not count any more.
-- rows: job_id bigint, ordinal int, item int, token bigint, info text
INSERT INTO task_output (job_id, ordinal, info)
SELECT r.job_id, r.ordinal, r.info
FROM {rows} r
JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.item = r.item
WHERE w.token = r.token AND w.lease_until IS NOT NULL
ON CONFLICT (job_id, ordinal) DO UPDATE SET info = excluded.info;

-- name: outputs
-- What updates have reported as the outputs of tasks of these jobs of the organization, and what engines said of them.
-- rows: job_id bigint, ordinal int, organization_id bigint
SELECT r.job_id, r.ordinal, o.output, o.info
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN task_output o ON o.job_id = r.job_id AND o.ordinal = r.ordinal;

-- name: delete_outputs
-- The jobs are locked.
-- lists: ids bigint
DELETE FROM task_output WHERE job_id IN {ids};

-- name: set_polls
-- The jobs are locked.
-- rows: job_id bigint, ordinal int, item int, payload text
INSERT INTO task_poll (job_id, ordinal, item, payload)
SELECT r.job_id, r.ordinal, r.item, r.payload FROM {rows} r WHERE true
ON CONFLICT (job_id, ordinal, item) DO UPDATE SET payload = excluded.payload;

-- name: polls
-- The payloads of the last polls of tasks of these jobs of the organization, by their items.
-- rows: job_id bigint, ordinal int, organization_id bigint
SELECT r.job_id, r.ordinal, p.payload
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN task_poll p ON p.job_id = r.job_id AND p.ordinal = r.ordinal
ORDER BY p.item;

-- name: poll
-- The payload of the last poll of an item of the organization's task.
SELECT p.payload
FROM job j JOIN task_poll p ON p.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND p.ordinal = :ordinal AND p.item = :item;

-- name: delete_polls
-- The jobs are locked.
-- lists: ids bigint
DELETE FROM task_poll WHERE job_id IN {ids};

-- name: touch
-- An update has changed the output of the task; its job is locked.
UPDATE task SET modified_at = :now, ended_at = CASE WHEN ended_at IS NOT NULL THEN CAST(:now AS BIGINT) END
WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: touch_job
-- A job never changed before its tasks: the tasks that have changed of late are found by their jobs.
UPDATE job SET modified_at = :now WHERE id = :job_id;

-- name: next_part
-- The number of the next output that the task publishes.
SELECT COALESCE(MAX(part), -1) + 1 FROM artifact
WHERE job_id = :job_id AND ordinal = :ordinal AND folder >= -1;

-- name: set_asset_type
-- The assets of the results with these bytes have this type. They are new in this transaction.
-- lists: keys text
UPDATE asset SET asset_type = :asset_type
WHERE storage_key IN {keys} AND organization_id = :organization_id AND is_result = 1;

-- name: new_asset
-- The first asset of the results with these bytes.
-- lists: keys text
SELECT id, target_id, asset_type FROM asset
WHERE storage_key IN {keys} AND organization_id = :organization_id AND is_result = 1
ORDER BY id LIMIT 1;

-- name: delete_earlier
-- The outputs of the task before this one; its job is locked. Returns the keys of their bytes.
DELETE FROM artifact WHERE job_id = :job_id AND ordinal = :ordinal AND part < :first AND folder >= -1
RETURNING storage_key;

-- name: delete_assets
-- The assets of the results with these bytes.
-- lists: keys text
DELETE FROM asset WHERE storage_key IN {keys} AND organization_id = :organization_id AND is_result = 1;

-- name: set_notifications
-- The task's job is locked.
INSERT INTO task_notification (job_id, ordinal, uris) VALUES (:job_id, :ordinal, :uris)
ON CONFLICT (job_id, ordinal) DO UPDATE SET uris = excluded.uris;

-- name: notify
-- The ends of the job's tasks must be told from now on.
UPDATE job SET notifies = 1 WHERE id = :job_id AND organization_id = :organization_id;

-- name: delete_notifications
-- The jobs are locked.
-- lists: ids bigint
DELETE FROM task_notification WHERE job_id IN {ids};
