-- name: upsert_categories
-- rows: id text, name text, type text, description text, now bigint
INSERT INTO engine_category (id, name, type, description, created_at, modified_at)
SELECT r.id, r.name, r.type, r.description, r.now, r.now FROM {rows} r WHERE true
ON CONFLICT (id) DO UPDATE SET
  name = excluded.name,
  type = excluded.type,
  description = excluded.description,
  modified_at = CASE
    WHEN engine_category.name = excluded.name AND engine_category.type = excluded.type
     AND engine_category.description = excluded.description
    THEN engine_category.modified_at ELSE excluded.modified_at END
WHERE engine_category.organization_id IS NULL;

-- name: upsert
-- The state, which an operator sets, stays. An engine that an organization made with the same id stays unchanged.
-- rows: id text, slug text, name text, category_id text, kind text, document document, now bigint
INSERT INTO engine (id, slug, name, category_id, kind, state, document, created_at, modified_at)
SELECT r.id, r.slug, r.name, r.category_id, r.kind, 'active', r.document, r.now, r.now FROM {rows} r WHERE true
ON CONFLICT (id) DO UPDATE SET
  slug = excluded.slug,
  name = excluded.name,
  category_id = excluded.category_id,
  kind = excluded.kind,
  document = excluded.document,
  modified_at = CASE
    WHEN engine.document = excluded.document THEN engine.modified_at ELSE excluded.modified_at END
WHERE engine.organization_id IS NULL;

-- name: all
-- The engines of every organization, for the catalogue in memory. Readers of the catalogue check the organization.
SELECT organization_id, state, document, created_at, modified_at, running_limit, details
FROM engine ORDER BY created_at, id;

-- name: lock
-- One of the organization's own, or one of the server.
SELECT organization_id, state, document, created_at, modified_at, running_limit, details
FROM engine
WHERE id = :id AND (organization_id = :organization_id OR organization_id IS NULL) AND state <> 'deleted'
{for_update};

-- name: insert
INSERT INTO engine (id, organization_id, name, category_id, kind, state, document, details, running_limit, created_at,
                    modified_at)
VALUES (:id, :organization_id, :name, :category_id, :kind, :state, :document, :details, :running_limit, :now, :now);

-- name: put
-- The organization's own.
UPDATE engine SET name = :name, category_id = :category_id, state = :state, document = :document, details = :details,
  running_limit = :running_limit, modified_at = :now
WHERE id = :id AND organization_id = :organization_id;

-- name: put_details
-- Of an engine of the server.
UPDATE engine SET details = :details, modified_at = :now WHERE id = :id AND organization_id IS NULL;
