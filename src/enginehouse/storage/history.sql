-- name: attempts_of_task
SELECT a.item, a.number, a.token, a.worker, a.started_at, a.ended_at, a.outcome, a.failure_reason, a.failure_message
FROM attempt a JOIN job j ON j.id = a.job_id
WHERE a.job_id = :job_id AND a.ordinal = :ordinal AND j.organization_id = :organization_id
ORDER BY a.item, a.number;

-- name: events
SELECT e.id, e.ordinal, e.kind, e.at, e.detail
FROM event e JOIN job j ON j.id = e.job_id
WHERE e.job_id = :job_id AND j.organization_id = :organization_id AND e.id > :after
ORDER BY e.id LIMIT :limit;
