-- name: add
-- Adds to the rates of organizations. No transaction that runs at the same time has the same rows, because of `writer`.
-- rows: organization_id bigint, minute bigint, writer int, created bigint, started bigint, complete bigint, failed bigint, aborted bigint
INSERT INTO job_rate (organization_id, minute, writer, created, started, complete, failed, aborted)
SELECT r.organization_id, r.minute, r.writer, r.created, r.started, r.complete, r.failed, r.aborted FROM {rows} r WHERE true
ON CONFLICT (organization_id, minute, writer) DO UPDATE SET
  created = job_rate.created + excluded.created, started = job_rate.started + excluded.started,
  complete = job_rate.complete + excluded.complete, failed = job_rate.failed + excluded.failed,
  aborted = job_rate.aborted + excluded.aborted;

-- name: of_organization
-- What happened to the organization's jobs in each part of the time, which is `step` minutes long.
SELECT (r.minute - :first) / :step AS part,
       CAST(SUM(r.created) AS BIGINT) AS created, CAST(SUM(r.started) AS BIGINT) AS started,
       CAST(SUM(r.complete) AS BIGINT) AS complete, CAST(SUM(r.failed) AS BIGINT) AS failed,
       CAST(SUM(r.aborted) AS BIGINT) AS aborted
FROM job_rate r
WHERE r.organization_id = :organization_id AND r.minute BETWEEN :first AND :last
GROUP BY 1;

-- name: oldest
SELECT minute FROM job_rate WHERE minute < :before ORDER BY minute LIMIT 1;

-- name: delete
DELETE FROM job_rate WHERE minute <= :until;
