-- name: reserve
-- The last of the next ids of one kind of thing; the first one ever is above `before_first`. The row is locked until
-- the commit; ids that are not used are left out for ever.
INSERT INTO server_fact (name, value)
VALUES (:name, CAST(CAST(:before_first AS BIGINT) + CAST(:count AS BIGINT) AS TEXT))
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(server_fact.value AS BIGINT) + CAST(:count AS BIGINT) AS TEXT)
RETURNING value;
