-- name: read
SELECT unavailable_until AS until, unavailable_reason AS reason, unavailable_probes AS probes FROM engine WHERE id = :id AND kind = 'http';

-- name: lock
SELECT unavailable_until AS until, unavailable_reason AS reason, unavailable_probes AS probes FROM engine WHERE id = :id AND kind = 'http'
{for_update};

-- name: put
UPDATE engine SET unavailable_until = :until, unavailable_reason = :reason, unavailable_probes = :probes
WHERE id = :id AND kind = 'http';

-- name: due
-- Those of the engines whose next probe is due, locked; those that another worker takes now are left out.
-- lists: engines text
SELECT id FROM engine
WHERE id IN {engines} AND kind = 'http' AND state = 'active' AND unavailable_until <= :now
ORDER BY unavailable_until, id
LIMIT :limit
{skip_locked};

-- name: take
-- rows: id text, until bigint
UPDATE engine SET unavailable_until = r.until FROM {rows} r WHERE engine.id = r.id AND engine.kind = 'http';

-- name: next
-- When the next probe of one of the engines is due, NULL if all are available.
-- lists: engines text
SELECT MIN(unavailable_until) FROM engine WHERE id IN {engines} AND kind = 'http' AND state = 'active';

-- name: unavailable
-- Those of the organization's engines, and of the server's, that are unavailable.
SELECT id, unavailable_until, unavailable_reason, unavailable_probes FROM engine
WHERE kind = 'http' AND unavailable_until IS NOT NULL AND (organization_id IS NULL OR organization_id = :organization_id);
