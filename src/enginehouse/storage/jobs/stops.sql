-- name: delete_free_items
-- Items of these cancelled jobs that have no lease.
-- lists: ids bigint
DELETE FROM work_item WHERE job_id IN {ids} AND lease_until IS NULL;

-- name: ask_to_stop
-- Every leased item of these jobs keeps its lease and must stop. Returns these items.
-- lists: ids bigint
UPDATE work_item SET stop_requested_at = :now
WHERE job_id IN {ids} AND lease_until IS NOT NULL
RETURNING job_id, ordinal;

-- name: cancel_running
-- rows: id bigint, status text, stopping int, aborted_at bigint, now bigint
UPDATE job
SET status = r.status, cancelled = 1, cancellable_since = NULL, stop_requested_at = r.now, stopping = r.stopping,
    aborted_at = r.aborted_at, modified_at = r.now
FROM {rows} r
WHERE job.id = r.id AND job.cancelled = 0;

-- name: signalled
-- The engines of these attempts received the stop signal. Returns those for which this is new.
-- rows: job_id bigint, ordinal int, item int, token bigint, now bigint
UPDATE work_item SET stop_signalled_at = r.now
FROM {rows} r
WHERE work_item.job_id = r.job_id AND work_item.ordinal = r.ordinal AND work_item.item = r.item
  AND work_item.token = r.token AND work_item.stop_requested_at IS NOT NULL AND work_item.stop_signalled_at IS NULL
RETURNING work_item.job_id, work_item.ordinal;
