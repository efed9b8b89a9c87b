-- name: heads
-- The head of each of these jobs that belongs to the given organization: its own row, the last row of its history, how
-- many rows record its abort, and since when a bulk cancel has aborted it without an update of its row.
-- rows: id bigint, organization_id bigint
SELECT j.id, j.status, j.created_at, j.retry_of, j.aborted_at,
       (SELECT COALESCE(MAX(e.id), 0) FROM event e WHERE e.job_id = j.id) AS last_row,
       CASE WHEN j.status = 'aborted'
         THEN (SELECT COUNT(*) FROM event e WHERE e.job_id = j.id AND e.ordinal = -1 AND e.kind = 'aborted')
         ELSE 1 END AS aborts,
       {covered_at:j} AS covered_at
FROM {rows} r JOIN job j ON j.id = r.id AND j.organization_id = r.organization_id;

-- name: end
-- The head of one of the organization's jobs, and how many rows its history has.
SELECT j.id, j.status, j.created_at, j.retry_of, j.aborted_at,
       (SELECT COALESCE(MAX(e.id), 0) FROM event e WHERE e.job_id = j.id) AS last_row,
       CASE WHEN j.status = 'aborted'
         THEN (SELECT COUNT(*) FROM event e WHERE e.job_id = j.id AND e.ordinal = -1 AND e.kind = 'aborted')
         ELSE 1 END AS aborts,
       {covered_at:j} AS covered_at, (SELECT COUNT(*) FROM event e WHERE e.job_id = j.id) AS written
FROM job j WHERE j.id = :job_id AND j.organization_id = :organization_id;

-- name: page
SELECT job_id, id, ordinal, kind, at, detail FROM event WHERE job_id = :job_id ORDER BY id LIMIT :limit OFFSET :skip;

-- name: following
-- The rows of these jobs after the last known row of each, in order, up to the limit.
-- rows: job_id bigint, after bigint
SELECT e.job_id, e.id, e.ordinal, e.kind, e.at, e.detail
FROM {rows} r JOIN event e ON e.job_id = r.job_id AND e.id > r.after
ORDER BY e.id LIMIT 2000;

-- name: count
SELECT COUNT(*) FROM event WHERE job_id = :job_id AND at <= :until;

-- name: insert
-- The writer has locked the jobs, or has just created them: this keeps the order of their events.
-- alike: at
-- rows: job_id bigint, ordinal int, kind text, at bigint, detail text
INSERT INTO event (job_id, ordinal, kind, at, detail)
SELECT r.job_id, r.ordinal, r.kind, r.at, r.detail FROM {rows} r;
