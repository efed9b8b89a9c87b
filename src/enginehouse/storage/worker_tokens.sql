-- name: put
INSERT INTO worker_token (token_id, any_organization, any_engine) VALUES (:token_id, :any_organization, :any_engine);

-- name: put_organizations
-- rows: token_id text, organization_id bigint
INSERT INTO worker_token_organization (token_id, organization_id) SELECT r.token_id, r.organization_id FROM {rows} r;

-- name: put_engines
-- rows: token_id text, engine_id text
INSERT INTO worker_token_engine (token_id, engine_id) SELECT r.token_id, r.engine_id FROM {rows} r;

-- name: scope
SELECT any_organization, any_engine FROM worker_token WHERE token_id = :token_id;

-- name: organizations
SELECT organization_id FROM worker_token_organization WHERE token_id = :token_id;

-- name: engines
SELECT engine_id FROM worker_token_engine WHERE token_id = :token_id;
