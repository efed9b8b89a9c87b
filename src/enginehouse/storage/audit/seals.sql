-- name: horizon
-- The last visible entry. SQLite has one writer, so no open transaction can still insert an earlier one.
-- only: sqlite
SELECT COALESCE(MAX(id), 0) AS last_id, 0 AS oldest, 0 AS following FROM audit_entry;

-- name: horizon
-- The last visible entry, the oldest running transaction, and the next one. An entry gets its id before the commit: a
-- running transaction may hold an id below the last visible one.
-- only: postgres
SELECT (SELECT COALESCE(MAX(id), 0) FROM audit_entry) AS last_id,
       CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS oldest,
       CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS following;

-- name: last
SELECT number, last_id, hash FROM audit_seal ORDER BY number DESC LIMIT 1;

-- name: entries
SELECT id, at, organization_id, user_id, user_name, token_id, client_ip, user_agent, event, object_type, object_id,
       success, correlation_id, detail
FROM audit_entry WHERE id > :after AND id <= :until ORDER BY id LIMIT :limit;

-- name: insert
-- Another server may have stored this seal meanwhile, over the same entries.
INSERT INTO audit_seal (number, last_id, entries, sealed_at, hash, digests)
VALUES (:number, :last_id, :entries, :sealed_at, :hash, :digests)
ON CONFLICT (number) DO NOTHING;

-- name: page
SELECT number, last_id, entries, sealed_at, hash, digests FROM audit_seal WHERE number > :after ORDER BY number LIMIT :limit;

-- name: unsealed
SELECT COUNT(*) AS total FROM audit_entry WHERE id > :after;

-- name: oldest
-- The first seals whose entries still exist.
SELECT number, last_id, sealed_at FROM audit_seal WHERE digests IS NOT NULL ORDER BY number LIMIT :limit;

-- name: drop_entries
DELETE FROM audit_entry WHERE id <= :last_id;

-- name: empty
-- From now on the chain begins at this seal.
UPDATE audit_seal SET digests = NULL WHERE number = :number;

-- name: drop_seals
DELETE FROM audit_seal WHERE number < :number;

-- name: over
-- The seals that cover these entries and the newest one, each with the hash of the one before it.
-- lists: ids bigint
SELECT s.number, s.last_id, s.entries, s.sealed_at, s.hash, s.digests, b.hash AS before
FROM audit_seal s LEFT JOIN audit_seal b ON b.number = s.number - 1
WHERE s.number IN (SELECT (SELECT a.number FROM audit_seal a WHERE a.last_id >= e.id ORDER BY a.last_id LIMIT 1)
                   FROM audit_entry e WHERE e.id IN {ids}
                   UNION SELECT MAX(number) FROM audit_seal);
