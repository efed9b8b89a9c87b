-- name: insert
INSERT INTO export_request (id, organization_id, requestor_id, status, document, leased_until, created_at, modified_at,
                            expires_at)
VALUES (:id, :organization_id, :requestor_id, 'incomplete', :document, :now, :now, :now, :expires_at);

-- name: lock_organization
-- Two requests at once must not pass the limit together.
SELECT id FROM organization WHERE id = :organization_id {for_update};

-- name: incomplete
-- How many exports of the organization are not made yet, at most `most`.
SELECT COUNT(*) FROM (
  SELECT 1 FROM export_request WHERE status = 'incomplete' AND organization_id = :organization_id LIMIT :most
) waiting;

-- name: by_ids
-- lists: ids text
SELECT id, organization_id, requestor_id, status, document, files, files_done, bytes, bytes_done, message, storage_key, size,
       sha256, tries, fence, created_at, modified_at, expires_at
FROM export_request WHERE id IN {ids} AND organization_id = :organization_id;

-- name: lock
SELECT id, organization_id, requestor_id, status, document, files, files_done, bytes, bytes_done, message, storage_key, size,
       sha256, tries, fence, created_at, modified_at, expires_at
FROM export_request WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: page
-- parts: modified descending by_status by_id
-- lists: statuses text
SELECT id, organization_id, requestor_id, status, document, files, files_done, bytes, bytes_done, message, storage_key, size,
       sha256, tries, fence, created_at, modified_at, expires_at
FROM export_request
WHERE organization_id = :organization_id
-- if: by_status
  AND status IN {statuses}
-- if: by_id
  AND id = :id
ORDER BY
-- if: modified
  modified_at
-- if: not modified
  created_at
-- if: descending
  DESC
  , id
-- if: descending
  DESC
LIMIT :limit OFFSET :offset;

-- name: results
-- What engines have made of a target, as documents: the newest first.
SELECT a.id, a.target_id, a.organization_id, a.asset_type, a.content_type, a.name, a.description, a.uri, a.storage_key,
       a.size, a.sha256, a.md5, a.is_primary, a.job_id, a.ordinal, a.engine_id, a.document, a.created_at, a.modified_at
FROM asset a
WHERE a.target_id = :target_id AND a.organization_id = :organization_id AND a.engine_id IS NOT NULL
  AND a.storage_key IS NOT NULL AND (a.is_result = 1 OR a.asset_type = 'vtn-standard')
ORDER BY a.created_at DESC, a.id DESC
LIMIT :limit;

-- name: engines
-- The engines that have made something of these targets.
-- lists: target_ids bigint
SELECT DISTINCT a.engine_id
FROM asset a
WHERE a.target_id IN {target_ids} AND a.organization_id = :organization_id AND a.engine_id IS NOT NULL
  AND a.storage_key IS NOT NULL AND (a.is_result = 1 OR a.asset_type = 'vtn-standard');

-- name: any_due
SELECT 1 FROM export_request WHERE status = 'incomplete' AND leased_until <= :now LIMIT 1;

-- name: due
-- The exports that nobody makes, the one that waits longest first; those that another server looks at are skipped.
SELECT id FROM export_request
WHERE status = 'incomplete' AND leased_until <= :now
ORDER BY leased_until, id
LIMIT :limit
{skip_locked};

-- name: lease
UPDATE export_request SET leased_until = :leased_until, fence = fence + 1, tries = tries + 1
WHERE id = :id AND status = 'incomplete' AND leased_until <= :now
RETURNING id, organization_id, requestor_id, status, document, files, files_done, bytes, bytes_done, message,
          storage_key, size, sha256, tries, fence, created_at, modified_at, expires_at;

-- name: advance
-- How far the export is, and the lease goes on. Only for the server that holds it.
UPDATE export_request SET files = :files, files_done = :files_done, bytes = :bytes, bytes_done = :bytes_done,
                          leased_until = :leased_until
WHERE id = :id AND organization_id = :organization_id AND fence = :fence AND status = 'incomplete'
RETURNING id;

-- name: give_back
-- The export is due again at `leased_until`; `tries` is what was not the fault of the export.
UPDATE export_request SET leased_until = :leased_until, tries = tries - CAST(:tries AS INTEGER)
WHERE id = :id AND organization_id = :organization_id AND fence = :fence AND status = 'incomplete';

-- name: end
-- Only for the server that holds the lease.
UPDATE export_request SET status = :status, message = :message, storage_key = :storage_key, size = :size,
                          sha256 = :sha256, files = :files, files_done = :files_done, bytes = :bytes, bytes_done = :bytes_done,
                          modified_at = :now, expires_at = :expires_at
WHERE id = :id AND organization_id = :organization_id AND fence = :fence AND status = 'incomplete'
RETURNING id;

-- name: change
UPDATE export_request SET status = :status, message = :message, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: release
-- Every export that a server was making is due at once.
UPDATE export_request SET leased_until = :now WHERE status = 'incomplete' AND leased_until > :now;

-- name: expired
SELECT id FROM export_request WHERE status <> 'incomplete' AND expires_at <= :now ORDER BY expires_at LIMIT :limit;

-- name: delete
-- Returns whose they were.
-- lists: ids text
DELETE FROM export_request WHERE id IN {ids}
RETURNING id, organization_id;
