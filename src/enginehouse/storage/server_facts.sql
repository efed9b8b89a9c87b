-- name: by_name
SELECT value
FROM server_fact
WHERE name = :name;

-- name: add
-- A fact that is there already stays as it is.
INSERT INTO server_fact (name, value)
VALUES (:name, :value)
ON CONFLICT (name) DO NOTHING;
