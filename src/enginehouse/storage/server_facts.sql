-- name: by_name
SELECT value
FROM server_fact
WHERE name = :name;

-- name: add
-- Adds a fact. An existing one stays unchanged.
INSERT INTO server_fact (name, value)
VALUES (:name, :value)
ON CONFLICT (name) DO NOTHING;

-- name: count
-- A fact that is a number has grown by one. Returns it.
INSERT INTO server_fact (name, value)
VALUES (:name, '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(server_fact.value AS BIGINT) + 1 AS TEXT)
RETURNING value;

-- name: set
-- A fact has this value.
INSERT INTO server_fact (name, value)
VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;
