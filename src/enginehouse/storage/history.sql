-- name: attempts_of_task
SELECT a.item, a.number, a.token, a.worker, a.started_at, a.ended_at, a.outcome, a.failure_reason, a.failure_message,
       a.stop_requested_at, a.stop_signalled_at
FROM attempt a JOIN job j ON j.id = a.job_id
WHERE a.job_id = :job_id AND a.ordinal = :ordinal AND j.organization_id = :organization_id
ORDER BY a.item, a.number;
