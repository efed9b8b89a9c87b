-- name: reserve
-- Reserves the next ids and returns the last of them; the first id of all is above `before_first`. The row lock makes
-- concurrent creators wait.
INSERT INTO server_fact (name, value)
VALUES ('last_target_id', CAST(CAST(:before_first AS BIGINT) + CAST(:count AS BIGINT) AS TEXT))
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(server_fact.value AS BIGINT) + CAST(:count AS BIGINT) AS TEXT)
RETURNING value;

-- name: insert
-- rows: id bigint, organization_id bigint, name text, description text, status text, start_at bigint, stop_at bigint, is_public int, document document, created_by text, now bigint, source_id bigint, scheduled_job_id bigint
INSERT INTO target (id, organization_id, name, description, status, start_at, stop_at, is_public, document, created_by,
                    created_at, modified_at, source_id, scheduled_job_id)
SELECT r.id, r.organization_id, r.name, r.description, r.status, r.start_at, r.stop_at, r.is_public, r.document,
       r.created_by, r.now, r.now, r.source_id, r.scheduled_job_id
FROM {rows} r;

-- name: by_ids
-- The targets that the organization may read: its own, and the public ones of others.
-- lists: ids bigint
SELECT id, organization_id, name, description, status, start_at, stop_at, is_public, document, created_by, created_at,
       modified_at
FROM target
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);

-- name: page
-- The places of the organization's targets in a list, from an index alone if there is no filter; with `public` those of
-- the public targets of other organizations.
-- parts: start stop created modified descending public by_id in_start in_stop in_created in_modified of_source of_schedule
SELECT id,
-- if: start
       start_at AS place
-- if: stop
       stop_at AS place
-- if: created
       created_at AS place
-- if: modified
       modified_at AS place
-- if: not public
FROM target WHERE organization_id = :organization_id
-- if: public
FROM target WHERE is_public = 1 AND organization_id <> :organization_id
-- if: by_id
  AND id = CAST(:id AS BIGINT)
-- if: in_start
  AND start_at >= :start_from AND start_at <= :start_to
-- if: in_stop
  AND stop_at >= :stop_from AND stop_at <= :stop_to
-- if: in_created
  AND created_at >= :created_from AND created_at <= :created_to
-- if: in_modified
  AND modified_at >= :modified_from AND modified_at <= :modified_to
-- if: of_source
  AND source_id = :source_id
-- if: of_schedule
  AND scheduled_job_id = :scheduled_job_id
ORDER BY place
-- if: descending
DESC
, id
-- if: descending
DESC
LIMIT :limit OFFSET :offset;

-- name: lock
SELECT id, organization_id, name, description, status, start_at, stop_at, is_public, document, created_by, created_at,
       modified_at
FROM target WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: change
UPDATE target SET name = :name, description = :description, status = :status, start_at = :start_at, stop_at = :stop_at,
                  is_public = :is_public, document = :document, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: delete
DELETE FROM target WHERE id = :id AND organization_id = :organization_id;

-- name: touch
-- Also locks the target, so that two assets cannot both become the primary one.
UPDATE target SET modified_at = :now WHERE id = :id AND organization_id = :organization_id;

-- name: delete_unused_assets
-- Deletes the assets of a target that no job names. Returns the keys of their bytes.
DELETE FROM asset
WHERE target_id = :target_id AND organization_id = :organization_id
  AND NOT EXISTS (SELECT 1 FROM job j WHERE j.target_id = :target_id)
RETURNING storage_key;

-- name: delete_unused
DELETE FROM target
WHERE id = :id AND organization_id = :organization_id AND NOT EXISTS (SELECT 1 FROM job j WHERE j.target_id = :id);
