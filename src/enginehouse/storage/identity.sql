-- name: principal
-- The holder of the token with this hash, unless it is revoked or expired or its user is suspended. A session of a key
-- is not valid without it.
SELECT t.organization_id, t.user_id, t.id, t.kind, t.role, t.super_admin, t.expires_at, u.name, u.role AS user_role,
       q.token_id AS quota_of, k.role AS key_role, k.expires_at AS key_expires_at, t.used_at
FROM token t LEFT JOIN user_account u ON u.id = t.user_id LEFT JOIN token k ON k.id = t.key_id
  LEFT JOIN token_quota q ON q.token_id = COALESCE(t.key_id, t.id)
WHERE t.hash = :hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > :now)
  AND (t.user_id IS NULL OR u.status = 'active')
  AND (t.key_id IS NULL OR k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now));

-- name: insert_token
INSERT INTO token
  (hash, id, organization_id, user_id, kind, name, prefix, role, super_admin, created_at, expires_at, modified_at,
   jsondata, key_id)
VALUES (:hash, :id, :organization_id, :user_id, :kind, :name, :prefix, :role, :super_admin, :now, :expires_at, :now,
        :jsondata, :key_id)
ON CONFLICT DO NOTHING;

-- name: live_tokens
-- Without those of suspended users.
SELECT t.id, t.organization_id, t.user_id, t.kind, t.name, t.prefix, t.role, t.super_admin, t.created_at, t.expires_at,
       t.revoked_at, t.modified_at, t.jsondata, t.key_id, t.used_at
FROM token t LEFT JOIN user_account u ON u.id = t.user_id
WHERE t.organization_id = :organization_id AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > :now)
  AND (t.user_id IS NULL OR u.status = 'active')
ORDER BY t.created_at, t.id;

-- name: token
-- The token with this id, or with this hash of its secret, in one organization, or in any if `organization_id` is NULL.
SELECT id, organization_id, user_id, kind, name, prefix, role, super_admin, created_at, expires_at, revoked_at,
       modified_at, jsondata, key_id, used_at
FROM token
WHERE (id = :id OR hash = :hash)
  AND (organization_id = CAST(:organization_id AS BIGINT) OR CAST(:organization_id AS BIGINT) IS NULL);

-- name: update_token
UPDATE token SET role = :role, expires_at = :expires_at, jsondata = :jsondata, modified_at = :now
WHERE organization_id = :organization_id AND id = :id AND revoked_at IS NULL
RETURNING hash;

-- name: token_by_hash
SELECT id, organization_id, user_id, kind, name, prefix, role, super_admin, created_at, expires_at, revoked_at,
       modified_at, jsondata, key_id, used_at
FROM token WHERE hash = :hash;

-- name: revoke_token
UPDATE token SET revoked_at = :now
WHERE organization_id = :organization_id AND id = :id AND revoked_at IS NULL
RETURNING hash;

-- name: end_sessions_of_key
UPDATE token SET revoked_at = :now
WHERE key_id = :id AND key_id IS NOT NULL AND organization_id = :organization_id AND revoked_at IS NULL
RETURNING hash;

-- name: of_user
-- The user's valid tokens, the newest first.
SELECT t.id, t.organization_id, t.user_id, t.kind, t.name, t.prefix, t.role, t.super_admin, t.created_at, t.expires_at,
       t.revoked_at, t.modified_at, t.jsondata, t.key_id, t.used_at
FROM token t LEFT JOIN token k ON k.id = t.key_id
WHERE t.user_id = :user_id AND t.organization_id = :organization_id AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > :now)
  AND (t.key_id IS NULL OR k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now))
ORDER BY t.created_at DESC, t.id;

-- name: end_other_sessions
UPDATE token SET revoked_at = :now
WHERE organization_id = :organization_id AND user_id = :user_id AND kind = 'session' AND revoked_at IS NULL AND id <> :id
RETURNING hash;

-- name: end_session
UPDATE token SET revoked_at = :now
WHERE hash = :hash AND kind = 'session' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now);

-- name: end_sessions_of_user
UPDATE token SET revoked_at = :now
WHERE organization_id = :organization_id AND user_id = :user_id AND kind = 'session' AND revoked_at IS NULL
RETURNING hash;

-- name: forget_old_sessions
-- The user's expired sessions.
DELETE FROM token
WHERE organization_id = :organization_id AND user_id = :user_id AND kind = 'session' AND expires_at <= :now;

-- name: insert_organization
-- The caller holds the identity lock, so that no other transaction takes the same number.
INSERT INTO organization (id, name, application_id, default_retries, created_at, modified_at)
SELECT COALESCE(MAX(o.id), 0) + 1, CAST(:name AS TEXT), CAST(:application_id AS TEXT),
       CAST(:default_retries AS INTEGER), CAST(:now AS BIGINT), CAST(:now AS BIGINT)
FROM organization o
RETURNING id, name, application_id, default_retries, created_at, modified_at;

-- name: organization
SELECT id, name, application_id, default_retries, created_at, modified_at, weight, running_limit, paused_at,
       business_unit, image_url, jsondata
FROM organization WHERE id = :organization_id;

-- name: organization_of_application
-- The organization with this application GUID.
SELECT id FROM organization WHERE application_id = :application_id;

-- name: organizations
SELECT id, name, application_id, default_retries, created_at, modified_at, weight, running_limit, paused_at,
       business_unit, image_url, jsondata
FROM organization ORDER BY id;

-- name: insert_user
INSERT INTO user_account
  (id, organization_id, name, display_name, first_name, last_name, email, image_url, jsondata, password_hash,
   password_changed_at, role, super_admin, created_at, modified_at)
VALUES (:id, :organization_id, :name, :display_name, :first_name, :last_name, :email, :image_url, :jsondata,
        :password_hash, :password_changed_at, :role, :super_admin, :now, :now)
ON CONFLICT (name) WHERE status <> 'deleted' DO NOTHING;

-- name: user
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password
FROM user_account WHERE id = :id AND organization_id = :organization_id;

-- name: user_signing_in
-- Before a sign-in the organization is unknown, so the name alone identifies the user.
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password,
       password_hash
FROM user_account WHERE name = :name AND status = 'active';

-- name: user_named
-- In one organization, or in any if `organization_id` is NULL.
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password
FROM user_account
WHERE name = :name AND status <> 'deleted'
  AND (organization_id = CAST(:organization_id AS BIGINT) OR CAST(:organization_id AS BIGINT) IS NULL)
{for_update};

-- name: note_login
-- Changes nothing if the password has changed since it was verified, or the user was suspended.
UPDATE user_account SET last_login_at = :now
WHERE id = :id AND organization_id = :organization_id AND password_hash = :password_hash AND status = 'active';

-- name: set_password
UPDATE user_account SET password_hash = :password_hash, password_changed_at = :now, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: first_administrator
-- The active administrator of the organization who was created first.
SELECT id, organization_id FROM user_account
WHERE organization_id = :organization_id AND role = 'admin' AND status = 'active'
ORDER BY created_at, id LIMIT 1;

-- name: note_uses
-- The tokens were used then. A time that is not older than `before` stays.
-- rows: id text, at bigint, before bigint
UPDATE token SET used_at = r.at
FROM {rows} r
WHERE token.id = r.id AND (token.used_at IS NULL OR token.used_at <= r.before);
