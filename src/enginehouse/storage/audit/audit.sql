-- name: insert
-- rows: at bigint, organization_id bigint, user_id text, user_name text, token_id text, client_ip text, user_agent text, event text, object_type text, object_id text, success int, correlation_id text, detail text
-- alike: at organization_id user_id user_name token_id client_ip user_agent event object_type success correlation_id detail
INSERT INTO audit_entry (at, organization_id, user_id, user_name, token_id, client_ip, user_agent, event, object_type,
                         object_id, success, correlation_id, detail)
SELECT r.at, r.organization_id, r.user_id, r.user_name, r.token_id, r.client_ip, r.user_agent, r.event, r.object_type,
       r.object_id, r.success, r.correlation_id, r.detail
FROM {rows} r;

-- name: in_time
-- The entries of an organization by time, directly from an index. `before`: of those
-- at `last`, only those with a smaller id.
-- The plus sign keeps an organization's index from being used where the ids are known.
-- parts: before of_ids user_name client_ip user_agent event object_type object_id correlation_id success newest oldest
-- lists: ids bigint
SELECT e.id, e.at, e.organization_id, e.user_id, e.user_name, e.token_id, e.client_ip, e.user_agent, e.event,
       e.object_type, e.object_id, e.success, e.correlation_id, e.detail
FROM audit_entry e
-- if: of_ids
WHERE +e.organization_id = :organization_id AND e.id IN {ids}
-- if: not of_ids
WHERE e.organization_id = :organization_id
  AND e.at BETWEEN :first AND :last
-- if: before
  AND (e.at < :last OR e.id < :before_id)
-- if: user_name
  AND e.user_name = :user_name
-- if: client_ip
  AND e.client_ip = :client_ip
-- if: user_agent
  AND substr(e.user_agent, 1, length(CAST(:user_agent AS TEXT))) = CAST(:user_agent AS TEXT)
-- if: event
  AND e.event = :event
-- if: object_type
  AND e.object_type = :object_type
-- if: object_id
  AND e.object_id = :object_id
-- if: correlation_id
  AND e.correlation_id = :correlation_id
-- if: success
  AND e.success = :success
-- if: newest
ORDER BY e.at DESC, e.id DESC
-- if: oldest
ORDER BY e.at, e.id
LIMIT :limit OFFSET :offset;

-- name: ordered
-- The same in the order of a text. The database sorts the whole window for it. A filter that is NULL excludes nothing.
-- lists: organization_ids bigint, ids bigint
SELECT e.id, e.at, e.organization_id, e.user_id, e.user_name, e.token_id, e.client_ip, e.user_agent, e.event,
       e.object_type, e.object_id, e.success, e.correlation_id, e.detail
FROM audit_entry e
WHERE e.organization_id IN {organization_ids}
  AND e.at BETWEEN :first AND :last
  AND (:any_id = 1 OR e.id IN {ids})
  AND (CAST(:user_name AS TEXT) IS NULL OR e.user_name = CAST(:user_name AS TEXT))
  AND (CAST(:client_ip AS TEXT) IS NULL OR e.client_ip = CAST(:client_ip AS TEXT))
  AND (CAST(:user_agent AS TEXT) IS NULL
       OR substr(e.user_agent, 1, length(CAST(:user_agent AS TEXT))) = CAST(:user_agent AS TEXT))
  AND (CAST(:event AS TEXT) IS NULL OR e.event = CAST(:event AS TEXT))
  AND (CAST(:object_type AS TEXT) IS NULL OR e.object_type = CAST(:object_type AS TEXT))
  AND (CAST(:object_id AS TEXT) IS NULL OR e.object_id = CAST(:object_id AS TEXT))
  AND (CAST(:correlation_id AS TEXT) IS NULL OR e.correlation_id = CAST(:correlation_id AS TEXT))
  AND (CAST(:success AS INTEGER) IS NULL OR e.success = CAST(:success AS INTEGER))
ORDER BY CASE WHEN :descending = 1 THEN COALESCE(CASE CAST(:by AS TEXT) WHEN 'user_name' THEN e.user_name WHEN 'event' THEN e.event
              WHEN 'object_type' THEN e.object_type END, '') END DESC,
         CASE WHEN :descending = 0 THEN COALESCE(CASE CAST(:by AS TEXT) WHEN 'user_name' THEN e.user_name WHEN 'event' THEN e.event
              WHEN 'object_type' THEN e.object_type END, '') END,
         e.at * (1 - 2 * :descending), e.id * (1 - 2 * :descending)
LIMIT :limit OFFSET :offset;

-- name: moment
-- The time of an entry of these organizations.
-- lists: organization_ids bigint
SELECT e.at FROM audit_entry e WHERE e.id = :id AND e.organization_id IN {organization_ids};
