-- name: claimable_jobs
-- The jobs that may start a task: not cancelled, not paused, and not covered by an open bulk cancel.
-- Must be a separate statement after the items are locked, so that its snapshot shows every committed cancel.
-- Rows that another transaction holds are skipped, so that a claim never waits.
-- lists: ids bigint
SELECT {job_state:j}, false AS halted, 0 AS listeners
FROM job j
WHERE j.id IN {ids} AND j.cancelled = 0 AND j.paused_at IS NULL
  AND NOT {halted:j}
ORDER BY j.id
{skip_locked};

-- name: lease_items
-- Leases the items: a new token, a worker, an end; with the changing part of their tasks. An item that is gone or leased is
-- skipped. The guard on `lease_until` must stay: it ensures that an item never has two holders, whatever was read before.
-- A drained worker gets nothing: the drain holds the barrier lock alone, so that this statement sees it or was committed
-- before. The jobs are locked since an earlier statement, so that no later one can have given an item a smaller token, and
-- the tasks are as they are now.
-- only: postgres
-- parts: for_token
-- alike: item lease_until worker seat now token_id
-- rows: job_id bigint, ordinal int, item int, token bigint, lease_until bigint, worker text, seat text, now bigint, token_id text
UPDATE work_item
SET token = {token:r}, lease_until = r.lease_until, worker = r.worker, started_at = r.now, attempts = work_item.attempts + 1
FROM {rows} r
JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal
WHERE work_item.job_id = r.job_id AND work_item.ordinal = r.ordinal AND work_item.item = r.item
  AND work_item.lease_until IS NULL
  AND NOT EXISTS (SELECT 1 FROM worker_drain d WHERE d.seat = r.seat)
  -- if: for_token
  AND {allowed:work_item}
RETURNING work_item.job_id, work_item.ordinal, work_item.item, work_item.token, work_item.organization_id,
  work_item.engine_id, work_item.attempts, work_item.folder, work_item.source_ordinal, work_item.source_folder,
  work_item.source_item, work_item.source_part, work_item.lease_until,
  {task_state:t};

-- name: free_items
-- The same items as they will be leased. SQLite has one writer, so that nobody leases them before `lease` does; a join and
-- an UPDATE of each row cost less than an UPDATE that returns its rows.
-- only: sqlite
-- parts: for_token
-- apart: rows
-- rows: job_id bigint, ordinal int, item int, token bigint, lease_until bigint, worker text, seat text, now bigint, token_id text
SELECT w.job_id, w.ordinal, w.item, {token:r} AS token, w.organization_id, w.engine_id, w.attempts + 1 AS attempts, w.folder,
       w.source_ordinal, w.source_folder, w.source_item, w.source_part, r.lease_until,
       {task_state:t}
FROM {rows} r
JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.item = r.item
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE w.lease_until IS NULL
  AND NOT EXISTS (SELECT 1 FROM worker_drain d WHERE d.seat = r.seat)
  -- if: for_token
  AND {allowed:w}
;

-- name: lease
-- Leases free items.
-- only: sqlite
-- rows: job_id bigint, ordinal int, item int, token bigint, lease_until bigint, worker text, now bigint
UPDATE work_item
SET token = r.token, lease_until = r.lease_until, worker = r.worker, started_at = r.now, attempts = work_item.attempts + 1
FROM {rows} r
WHERE work_item.job_id = r.job_id AND work_item.ordinal = r.ordinal AND work_item.item = r.item
  AND work_item.lease_until IS NULL;

-- name: own_leases
-- Those of these leases that the worker holds, with what their attempts need of the job.
-- rows: job_id bigint, ordinal int, item int, token bigint, worker text
SELECT w.job_id, w.ordinal, w.item, w.token, w.organization_id, w.engine_id, w.attempts, w.folder, w.source_ordinal,
       w.source_folder, w.source_item, w.source_part, w.lease_until, j.target_id, j.plan_revision
FROM {rows} r
JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.item = r.item
JOIN job j ON j.id = w.job_id
WHERE w.token = r.token AND w.worker = r.worker AND w.lease_until IS NOT NULL;

-- name: leases_of_worker
SELECT job_id, ordinal, item, token FROM work_item WHERE lease_until IS NOT NULL AND worker = :worker LIMIT :limit;

-- name: heartbeat
-- Prolongs the leases that are still held. Returns these, and since when each must stop. Only the token decides, not
-- the clock: an expired lease is prolonged too, as long as it has not been ended.
-- rows: job_id bigint, ordinal int, item int, token bigint, lease_until bigint
UPDATE work_item
SET lease_until = r.lease_until
FROM {rows} r
WHERE work_item.job_id = r.job_id AND work_item.ordinal = r.ordinal AND work_item.item = r.item
  AND work_item.token = r.token AND work_item.lease_until IS NOT NULL
RETURNING work_item.job_id, work_item.ordinal, work_item.item, work_item.token, work_item.stop_requested_at;

-- name: held
-- The items that are still leased under exactly these tokens, with the changing part of their tasks. Their jobs are
-- locked, so no other report of the same items runs now. The token must be compared: a report with an older token finds no
-- row here and is refused.
-- apart: rows
-- alike: item
-- rows: job_id bigint, ordinal int, item int, token bigint
SELECT w.job_id, w.ordinal, w.item, w.token, w.organization_id, w.attempts, w.failures, w.lost, w.worker, w.started_at,
       w.stop_requested_at, w.stop_signalled_at, {task_state:t}, {clock} AS read_at
FROM {rows} r
JOIN work_item w ON w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.item = r.item
JOIN task t ON t.job_id = w.job_id AND t.ordinal = w.ordinal
WHERE w.token = r.token AND w.lease_until IS NOT NULL;

-- name: lock_jobs
-- The current jobs, locked in key order, so that two transactions with several common jobs never deadlock. `halted`: an
-- open bulk cancel forbids the job to start anything.
-- lists: ids bigint
SELECT {job_state:j}, {halted:j} AS halted, {listeners:j} AS listeners
FROM job j
WHERE j.id IN {ids}
ORDER BY j.id
{for_update};

-- name: tasks_of
-- The changing part of these tasks; their jobs are locked.
-- apart: rows
-- rows: job_id bigint, ordinal int
SELECT t.job_id, t.ordinal, {task_state:t}
FROM {rows} r
JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal;

-- name: start_tasks
-- Attempts of these tasks have started; the jobs are locked. The statement adds to `attempts` and never sets it. It leaves
-- alone what only a wait or an end changes, and so writes no index.
-- changes: task
-- alike: items_running attempts now
-- rows: job_id bigint, ordinal int, items_running int, attempts int, now bigint
UPDATE task
SET status = {target:claim}, items_running = r.items_running, attempts = task.attempts + r.attempts, modified_at = r.now,
    started_at = COALESCE(task.started_at, r.now)
FROM {rows} r
WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: set_tasks
-- Writes the results of settlements. No other statement changes a task's status after its creation, except that a start
-- sets it to running. The jobs are locked.
-- changes: task
-- alike: status waits_for items items_open items_running items_failed failure_reason failure_message now
-- rows: job_id bigint, ordinal int, status text, waits_for int, items int, items_open int, items_running int, items_failed int, failure_reason text, failure_message text, now bigint
UPDATE task
SET status = r.status, waits_for = r.waits_for, items = r.items, items_open = r.items_open,
    items_running = r.items_running, items_failed = r.items_failed, failure_reason = r.failure_reason,
    failure_message = r.failure_message, modified_at = r.now,
    queued_at = CASE WHEN r.status = 'queued' THEN r.now ELSE task.queued_at END,
    completed_at = CASE WHEN r.status IN ('complete', 'failed') THEN COALESCE(task.completed_at, r.now) END,
    aborted_at = CASE WHEN r.status = 'aborted' THEN COALESCE(task.aborted_at, r.now) END,
    ended_as = CASE WHEN r.status = 'complete' OR r.status = 'failed' OR r.status = 'aborted' THEN r.status END,
    ended_at = CASE WHEN r.status = 'complete' OR r.status = 'failed' OR r.status = 'aborted' THEN r.now END
FROM {rows} r
WHERE task.job_id = r.job_id AND task.ordinal = r.ordinal;

-- name: set_jobs
-- A job that has stayed cancellable keeps the barrier id since which it is: a larger id would exempt it from a barrier
-- that covers it.
-- changes: job
-- alike: cancellable_since started now
-- rows: id bigint, status text, cancellable_since bigint, tasks_queued int, tasks_running int, tasks_complete int, tasks_failed int, tasks_aborted int, tasks_ready int, started bigint, ended bigint, now bigint
UPDATE job
SET status = r.status,
    cancellable_since = CASE WHEN r.cancellable_since IS NOT NULL THEN COALESCE(job.cancellable_since, r.cancellable_since) END,
    tasks_queued = r.tasks_queued,
    tasks_running = r.tasks_running, tasks_complete = r.tasks_complete, tasks_failed = r.tasks_failed,
    tasks_aborted = r.tasks_aborted, tasks_ready = r.tasks_ready, modified_at = r.now,
    started_at = COALESCE(job.started_at, r.started),
    completed_at = CASE WHEN r.status IN ('complete', 'failed') THEN COALESCE(job.completed_at, r.ended) END
FROM {rows} r
WHERE job.id = r.id;

-- name: insert_items
-- New items, which may be claimed from this commit on unless they are held.
-- rows: job_id bigint, ordinal int, item int, organization_id bigint, pool text, engine_id text, priority int, due_at bigint, turn_at bigint, not_before bigint, folder int, source_ordinal int, source_folder int, source_item int, source_part int, held int, attempts int
-- alike: ordinal item organization_id pool engine_id priority due_at not_before folder source_ordinal source_folder source_item source_part held attempts
INSERT INTO work_item (job_id, ordinal, item, organization_id, pool, engine_id, priority, due_at, turn_at, not_before,
                       folder, source_ordinal, source_folder, source_item, source_part, held, attempts)
SELECT r.job_id, r.ordinal, r.item, r.organization_id, r.pool, r.engine_id, r.priority, r.due_at, r.turn_at, r.not_before,
       r.folder, r.source_ordinal, r.source_folder, r.source_item, r.source_part, r.held, r.attempts
FROM {rows} r;

-- name: delete_items
-- The items have ended.
-- only: postgres
-- changes: work_item
-- alike: item
-- rows: job_id bigint, ordinal int, item int
DELETE FROM work_item
WHERE (job_id, ordinal, item) IN (SELECT r.job_id, r.ordinal, r.item FROM {rows} r);

-- name: delete_items
-- One item at a time: for a list of keys, SQLite would look at every item of the job.
-- only: sqlite
-- rows: job_id bigint, ordinal int, item int
DELETE FROM work_item
WHERE job_id = (SELECT r.job_id FROM {rows} r) AND ordinal = (SELECT r.ordinal FROM {rows} r)
  AND item = (SELECT r.item FROM {rows} r);

-- name: delete_items_of_tasks
-- Deletes the remaining items of ended tasks. An attempt that still runs loses its lease: `held` does not find it.
-- rows: job_id bigint, ordinal int
DELETE FROM work_item WHERE (job_id, ordinal) IN (SELECT r.job_id, r.ordinal FROM {rows} r);

-- name: release_items
-- Ends the leases. Each item may be claimed again from `not_before` on.
-- rows: job_id bigint, ordinal int, item int, not_before bigint, failures int, lost int
UPDATE work_item
SET lease_until = NULL, worker = NULL, not_before = r.not_before, failures = r.failures, lost = r.lost
FROM {rows} r
WHERE work_item.job_id = r.job_id AND work_item.ordinal = r.ordinal AND work_item.item = r.item;

-- name: organization_retries
-- How often a failed task is tried again if the task itself does not say.
-- lists: ids bigint
SELECT id, default_retries FROM organization WHERE id IN {ids};

-- name: expired
-- Leases whose worker did not report in time.
SELECT job_id, ordinal, item, token, worker FROM work_item
WHERE lease_until IS NOT NULL AND lease_until < :now
ORDER BY lease_until
LIMIT :limit;

-- name: all_leases
-- Every lease of a server's worker. Those of workers on other machines and of engines outside outlive its process.
SELECT job_id, ordinal, item, token FROM work_item
WHERE lease_until IS NOT NULL AND worker NOT LIKE 'outside/%' AND worker NOT LIKE 'remote/%'
LIMIT :limit;

-- name: delete_items_of_jobs
-- Deletes the items of cancelled or deleted jobs. An attempt that still runs loses its lease. Whoever adds an item, or
-- ends its lease, holds its job as this transaction does.
-- lists: ids bigint
-- changes: work_item
DELETE FROM work_item WHERE job_id IN {ids};

-- name: set_stopped
-- Sets how many attempts of a cancelled job must still stop; after the last one the job is aborted.
-- rows: id bigint, stopping int, ended bigint
UPDATE job SET stopping = r.stopping, aborted_at = COALESCE(job.aborted_at, r.ended)
FROM {rows} r
WHERE job.id = r.id;
