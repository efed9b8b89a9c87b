-- name: by_id
-- In one organization, or in any if `organization_id` is NULL. Also a deleted one.
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password
FROM user_account
WHERE id = :id AND (organization_id = CAST(:organization_id AS BIGINT) OR CAST(:organization_id AS BIGINT) IS NULL);

-- name: lock
-- The same, locked, and not a deleted one.
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password
FROM user_account
WHERE id = :id AND (organization_id = CAST(:organization_id AS BIGINT) OR CAST(:organization_id AS BIGINT) IS NULL)
  AND status <> 'deleted'
{for_update};

-- name: of_organization
-- Also deleted ones.
SELECT id, organization_id, name, display_name, email, role, super_admin, created_at, modified_at, last_login_at, status,
       first_name, last_name, image_url, jsondata, password_changed_at,
       CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS has_password
FROM user_account WHERE organization_id = :organization_id
ORDER BY name, id;

-- name: name_taken
SELECT id FROM user_account WHERE name = :name AND status <> 'deleted' AND id <> :id;

-- name: put
UPDATE user_account SET name = :name, display_name = :display_name, first_name = :first_name, last_name = :last_name,
  email = :email, image_url = :image_url, jsondata = :jsondata, role = :role, status = :status, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: other_administrators
-- One other active administrator of the organization.
SELECT id FROM user_account
WHERE organization_id = :organization_id AND role = 'admin' AND status = 'active' AND id <> :id LIMIT 1;

-- name: other_super_administrators
-- One other active super administrator, of any organization.
SELECT id FROM user_account WHERE super_admin = 1 AND role = 'admin' AND status = 'active' AND id <> :id LIMIT 1;

-- name: token_hashes
-- The hashes of the user's tokens that are not revoked.
SELECT hash FROM token WHERE organization_id = :organization_id AND user_id = :user_id AND revoked_at IS NULL;

-- name: set_token_roles
-- Sessions get the role, keys and their sessions at most the role.
UPDATE token SET role = :role
WHERE organization_id = :organization_id AND user_id = :user_id AND revoked_at IS NULL
  AND (kind = 'session' AND key_id IS NULL OR role = 'admin' OR CAST(:role AS TEXT) = 'reader');

-- name: revoke_tokens
UPDATE token SET revoked_at = :now
WHERE organization_id = :organization_id AND user_id = :user_id AND revoked_at IS NULL;

-- name: forget_password
UPDATE user_account SET password_hash = NULL WHERE id = :id AND organization_id = :organization_id;

-- name: note_sign_in
UPDATE user_account SET last_login_at = :now WHERE id = :id AND organization_id = :organization_id;
