-- name: insert
-- The span of the request that created each job.
-- rows: job_id bigint, traceparent text
INSERT INTO job_trace (job_id, traceparent)
SELECT r.job_id, r.traceparent FROM {rows} r;

-- name: of_jobs
-- lists: ids bigint
SELECT job_id, traceparent FROM job_trace WHERE job_id IN {ids};

-- name: delete
-- lists: ids bigint
DELETE FROM job_trace WHERE job_id IN {ids};
