-- name: reserve
-- Reserves the next ids of one kind of object and returns the last of them; the first id of all is above
-- `before_first`. The row is locked until the commit. Unused ids are never used later.
INSERT INTO server_fact (name, value)
VALUES (:name, CAST(CAST(:before_first AS BIGINT) + CAST(:count AS BIGINT) AS TEXT))
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(server_fact.value AS BIGINT) + CAST(:count AS BIGINT) AS TEXT)
RETURNING value;
