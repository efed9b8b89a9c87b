-- name: organizations
-- The organizations whose weight, limit or pause is not the default.
SELECT id, weight, running_limit, paused_at FROM organization
WHERE weight <> 1 OR running_limit IS NOT NULL OR paused_at IS NOT NULL;

-- name: engines
SELECT id, state, unavailable_until,
       CASE WHEN unavailable_probes > 0 AND COALESCE(running_limit, 1) > 0 THEN 1 ELSE running_limit END AS running_limit
FROM engine
WHERE state <> 'active' OR running_limit IS NOT NULL OR unavailable_probes > 0;

-- name: live
-- The number of leases by organization and engine.
SELECT organization_id, engine_id, COUNT(*) FROM work_item
WHERE lease_until IS NOT NULL
GROUP BY organization_id, engine_id;
