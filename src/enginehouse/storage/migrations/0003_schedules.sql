-- Scheduled jobs, what became of their slots, and the templates, pipelines and sources they launch.

ALTER TABLE job ADD COLUMN scheduled_job_id BIGINT;
ALTER TABLE job ADD COLUMN slot_at BIGINT;
ALTER TABLE job ADD COLUMN template_id BIGINT;
CREATE INDEX job_schedule ON job (scheduled_job_id, id) WHERE scheduled_job_id IS NOT NULL;
CREATE INDEX job_schedule_live ON job (scheduled_job_id, id)
  WHERE scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running');


CREATE TABLE scheduled_job (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  description TEXT,
  run_mode TEXT NOT NULL CHECK (run_mode IN ('continuous', 'recurring', 'once', 'now')),
  is_active INTEGER NOT NULL,
  is_public INTEGER NOT NULL DEFAULT 0,
  start_at BIGINT,
  stop_at BIGINT,
  timing TEXT NOT NULL,
  rules TEXT NOT NULL,
  document TEXT NOT NULL,
  source_id BIGINT,
  version BIGINT NOT NULL DEFAULT 1,
  anchor BIGINT NOT NULL,
  decided BIGINT NOT NULL,
  next_at BIGINT,
  launched BIGINT NOT NULL DEFAULT 0,
  fired BIGINT NOT NULL DEFAULT 0,
  skipped BIGINT NOT NULL DEFAULT 0,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX scheduled_job_organization ON scheduled_job (organization_id, id);
CREATE INDEX scheduled_job_public ON scheduled_job (id) WHERE is_public = 1;
CREATE INDEX scheduled_job_due ON scheduled_job (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE scheduled_job_version (
  schedule_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  document TEXT NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, version)
) {clustered};

CREATE TABLE schedule_slot (
  schedule_id BIGINT NOT NULL,
  slot BIGINT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('fired', 'queued', 'skipped')),
  last_slot BIGINT NOT NULL,
  slots BIGINT NOT NULL DEFAULT 1,
  reason TEXT,
  version BIGINT NOT NULL,
  decided_at BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, slot)
) {clustered};
CREATE INDEX schedule_slot_queued ON schedule_slot (schedule_id, slot) WHERE outcome = 'queued';

CREATE TABLE job_template (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  pipeline_id BIGINT,
  stage INTEGER,
  document TEXT NOT NULL,
  version BIGINT NOT NULL DEFAULT 1,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX job_template_organization ON job_template (organization_id, id);
CREATE INDEX job_template_pipeline ON job_template (pipeline_id, stage, id) WHERE pipeline_id IS NOT NULL;

CREATE TABLE task_template (
  template_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  organization_id BIGINT NOT NULL,
  engine_id TEXT,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (template_id, ordinal)
) {clustered};

CREATE TABLE job_pipeline (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  is_public INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX job_pipeline_organization ON job_pipeline (organization_id, id);

CREATE TABLE schedule_launch (
  schedule_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  template_id BIGINT NOT NULL DEFAULT -1,
  pipeline_id BIGINT NOT NULL DEFAULT -1,
  PRIMARY KEY (schedule_id, position)
) {clustered};
CREATE INDEX schedule_launch_template ON schedule_launch (template_id, schedule_id);

CREATE TABLE source_type (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  is_live INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);

INSERT INTO source_type (id, name, is_live, document, created_at, modified_at)
VALUES (1, 'Upload', 0, '{}', 0, 0), (2, 'Web address', 0, '{}', 0, 0), (3, 'Web stream', 1, '{}', 0, 0),
       (4, 'Radio', 1, '{}', 0, 0), (5, 'Television', 1, '{}', 0, 0), (6, 'Feed', 0, '{}', 0, 0),
       (7, 'Cloud storage', 0, '{}', 0, 0);

CREATE TABLE source (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  source_type_id BIGINT NOT NULL REFERENCES source_type (id),
  name TEXT NOT NULL,
  is_public INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX source_organization ON source (organization_id, id);

CREATE TABLE content_template (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL,
  schedule_id BIGINT NOT NULL,
  schema_id TEXT NOT NULL,
  sdo_id TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX content_template_schedule ON content_template (schedule_id, id);
