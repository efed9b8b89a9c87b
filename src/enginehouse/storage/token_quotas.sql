-- name: put
-- Sets the limits. The counts stay.
INSERT INTO token_quota
  (token_id, organization_id, api_per_hour, bytes_per_hour, tasks_per_hour, max_api, max_bytes, max_tasks)
VALUES (:token_id, :organization_id, :api_per_hour, :bytes_per_hour, :tasks_per_hour, :max_api, :max_bytes, :max_tasks)
ON CONFLICT (token_id) DO UPDATE SET
  api_per_hour = excluded.api_per_hour, bytes_per_hour = excluded.bytes_per_hour,
  tasks_per_hour = excluded.tasks_per_hour, max_api = excluded.max_api, max_bytes = excluded.max_bytes,
  max_tasks = excluded.max_tasks
WHERE token_quota.organization_id = excluded.organization_id;

-- name: of_token
SELECT token_id, organization_id, api_per_hour, bytes_per_hour, tasks_per_hour, max_api, max_bytes, max_tasks,
       api, bytes, tasks, hour, hour_api, hour_bytes, hour_tasks
FROM token_quota WHERE token_id = :token_id AND organization_id = :organization_id;

-- name: lock
SELECT token_id, organization_id, api_per_hour, bytes_per_hour, tasks_per_hour, max_api, max_bytes, max_tasks,
       api, bytes, tasks, hour, hour_api, hour_bytes, hour_tasks
FROM token_quota WHERE token_id = :token_id AND organization_id = :organization_id
{for_update};

-- name: of_organization
SELECT token_id, organization_id, api_per_hour, bytes_per_hour, tasks_per_hour, max_api, max_bytes, max_tasks,
       api, bytes, tasks, hour, hour_api, hour_bytes, hour_tasks
FROM token_quota WHERE organization_id = :organization_id ORDER BY token_id;

-- name: add
-- Counts what was used in this hour, and begins to count anew if it is a later one.
UPDATE token_quota SET
  api = api + :api, bytes = bytes + :bytes, tasks = tasks + :tasks,
  hour_api = CASE WHEN hour < :hour THEN 0 ELSE hour_api END + :api,
  hour_bytes = CASE WHEN hour < :hour THEN 0 ELSE hour_bytes END + :bytes,
  hour_tasks = CASE WHEN hour < :hour THEN 0 ELSE hour_tasks END + :tasks,
  hour = CASE WHEN hour < :hour THEN CAST(:hour AS BIGINT) ELSE hour END
WHERE token_id = :token_id AND organization_id = :organization_id
RETURNING token_id, organization_id, api_per_hour, bytes_per_hour, tasks_per_hour, max_api, max_bytes, max_tasks,
          api, bytes, tasks, hour, hour_api, hour_bytes, hour_tasks;
