-- name: lock
SELECT id, name, application_id, default_retries, created_at, modified_at, weight, running_limit, paused_at,
       business_unit, image_url, jsondata
FROM organization WHERE id = :organization_id
{for_update};

-- name: put
UPDATE organization SET name = :name, default_retries = :default_retries, business_unit = :business_unit,
  image_url = :image_url, jsondata = :jsondata, modified_at = :now
WHERE id = :organization_id;
