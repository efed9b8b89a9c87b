-- name: event
UPDATE audit_entry SET event = :value WHERE id = :id;

-- name: user_name
UPDATE audit_entry SET user_name = :value WHERE id = :id;

-- name: success
UPDATE audit_entry SET success = :value WHERE id = :id;

-- name: at
UPDATE audit_entry SET at = :value WHERE id = :id;

-- name: organization_id
UPDATE audit_entry SET organization_id = :value WHERE id = :id;

-- name: detail
UPDATE audit_entry SET detail = :value WHERE id = :id;

-- name: remove
DELETE FROM audit_entry WHERE id = :id;

-- name: put
-- only: sqlite
INSERT INTO audit_entry (id, at, organization_id, event, success) VALUES (:id, 1, 1, 'late', 1);

-- name: put
-- only: postgres
INSERT INTO audit_entry (id, at, organization_id, event, success) OVERRIDING SYSTEM VALUE VALUES (:id, 1, 1, 'late', 1);

-- name: remove_seals
DELETE FROM audit_seal WHERE number BETWEEN :first AND :last;

-- name: digests
UPDATE audit_seal SET digests = :value WHERE number = :number;
