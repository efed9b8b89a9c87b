-- Managing jobs: bulk cancels that settle, stopping what runs, fair shares and limits, pauses, lineage, keys, audit.

ALTER TABLE organization ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE organization ADD COLUMN running_limit INTEGER;
ALTER TABLE organization ADD COLUMN paused_at BIGINT;

ALTER TABLE engine ADD COLUMN running_limit INTEGER;

ALTER TABLE job ADD COLUMN root_of BIGINT;
ALTER TABLE job ADD COLUMN paused_at BIGINT;
ALTER TABLE job ADD COLUMN stop_requested_at BIGINT;
ALTER TABLE job ADD COLUMN stopping INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_cancellable ON job (organization_id, created_at, cancellable_since) WHERE cancellable_since IS NOT NULL;

ALTER TABLE task ADD COLUMN reused_from BIGINT;

ALTER TABLE work_item ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE work_item ADD COLUMN stop_requested_at BIGINT;
ALTER TABLE work_item ADD COLUMN stop_signalled_at BIGINT;
DROP INDEX work_item_ready;
CREATE INDEX work_item_lane ON work_item (pool, organization_id, engine_id, priority, due_at, job_id, ordinal, item)
  WHERE lease_until IS NULL AND held = 0;

ALTER TABLE barrier ADD COLUMN include_running INTEGER NOT NULL DEFAULT 0;
ALTER TABLE barrier ADD COLUMN matched BIGINT;
ALTER TABLE barrier ADD COLUMN settled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE barrier ADD COLUMN created_by TEXT;

ALTER TABLE attempt ADD COLUMN stop_requested_at BIGINT;
ALTER TABLE attempt ADD COLUMN stop_signalled_at BIGINT;

ALTER TABLE artifact ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
CREATE INDEX artifact_shared ON artifact (storage_key) WHERE shared = 1;

CREATE TABLE worker (
  name TEXT PRIMARY KEY,
  pools TEXT NOT NULL,
  engines TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);

CREATE TABLE idempotency_key (
  organization_id BIGINT NOT NULL,
  operation TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  answer TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, operation, key)
) {clustered};
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

CREATE TABLE audit_entry (
  id {serial},
  at BIGINT NOT NULL,
  organization_id BIGINT NOT NULL,
  user_id TEXT,
  user_name TEXT,
  token_id TEXT,
  client_ip TEXT,
  user_agent TEXT,
  event TEXT NOT NULL,
  object_type TEXT,
  object_id TEXT,
  success INTEGER NOT NULL,
  correlation_id TEXT,
  detail TEXT
);
CREATE INDEX audit_entry_organization ON audit_entry (organization_id, at);

CREATE TABLE audit_seal (
  number BIGINT PRIMARY KEY,
  last_id BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  sealed_at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  digests TEXT
);

-- History in its own words. What the job's row says by itself has no row any more.
DELETE FROM event WHERE kind IN ('created', 'pending', 'cancelled');
UPDATE event
SET kind = CASE kind WHEN 'running' THEN 'started' WHEN 'complete' THEN 'completed' WHEN 'retrying' THEN 'attempt_failed' ELSE kind END,
    detail = '{"reason":"' || detail || '"}';
