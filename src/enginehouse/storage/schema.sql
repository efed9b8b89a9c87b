-- The whole schema. It is the only migration until a released schema changes; from then on all migrations together
-- produce exactly this schema (a test checks it).
-- The text is the same for both databases. A statement under "-- only: postgres" or "-- only: sqlite" is left out for
-- the other one. Times are microseconds UTC, booleans are 0 or 1, JSON is text that no SQL statement parses.
-- The tables of running work check a status with OR, not with IN: SQLite would build an index of the words for each row.

-- Time and order ------------------------------------------------------------------------------------------

-- The last time that this storage has used; its clock never goes back before it.
-- only: sqlite
CREATE TABLE storage_clock (id INTEGER PRIMARY KEY CHECK (id = 1), micros BIGINT NOT NULL);

-- The last fencing token in use.
-- only: sqlite
CREATE TABLE fencing (id INTEGER PRIMARY KEY CHECK (id = 1), value BIGINT NOT NULL);

-- only: postgres
CREATE SEQUENCE fencing_token AS BIGINT;

-- Single facts about this storage: the id of its artifact store, the last reserved ids.
CREATE TABLE server_fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Identity ------------------------------------------------------------------------------------------------

-- The owner of everything else. `weight`: its share of the worker slots relative to others. `running_limit`: how many
-- attempts may run at once, NULL for no limit. `paused_at`: since then none of its work starts. `jsondata` is what clients
-- store with it.
CREATE TABLE organization (
  id BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  application_id TEXT NOT NULL UNIQUE,
  default_retries INTEGER,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  weight INTEGER NOT NULL DEFAULT 1,
  running_limit INTEGER,
  paused_at BIGINT,
  business_unit TEXT,
  image_url TEXT,
  jsondata TEXT
);

-- A person who signs in with `name` and a password. A suspended user cannot sign in, and its tokens are not valid. A
-- deleted one keeps its row, because others name it; its name is free again. `jsondata` is what clients store with it.
CREATE TABLE user_account (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  display_name TEXT,
  first_name TEXT,
  last_name TEXT,
  email TEXT,
  image_url TEXT,
  jsondata TEXT,
  password_hash TEXT,
  password_changed_at BIGINT,
  role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'reader')),
  super_admin INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  last_login_at BIGINT
);
CREATE INDEX user_account_organization ON user_account (organization_id, id);
CREATE UNIQUE INDEX user_account_name ON user_account (name) WHERE status <> 'deleted';

-- A secret that authenticates a user, or an organization if `user_id` is NULL. Only its SHA-256 is stored; `id` is a
-- UUID derived from that hash. `jsondata` is what clients store with it. `key_id`: the key with which this session was opened;
-- the session ends with it, and may do no more. `used_at`: when it was used, no more exactly than to an hour; NULL for never.
CREATE TABLE token (
  hash TEXT PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  user_id TEXT REFERENCES user_account (id),
  kind TEXT NOT NULL CHECK (kind IN ('session', 'key', 'bootstrap', 'worker')),
  name TEXT,
  prefix TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'reader')),
  super_admin INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  modified_at BIGINT NOT NULL,
  jsondata TEXT,
  key_id TEXT REFERENCES token (id),
  used_at BIGINT
);
CREATE INDEX token_organization ON token (organization_id, created_at);
CREATE INDEX token_user ON token (user_id);
CREATE INDEX token_key ON token (key_id) WHERE key_id IS NOT NULL;

-- What a token may use, of all servers together: in an hour, and at all; 0 for any amount. `api`, `bytes` and `tasks`
-- count what it has used, the columns `hour_` what it has used in `hour` (since 1970).
CREATE TABLE token_quota (
  token_id TEXT PRIMARY KEY REFERENCES token (id),
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  api_per_hour BIGINT NOT NULL,
  bytes_per_hour BIGINT NOT NULL,
  tasks_per_hour BIGINT NOT NULL,
  max_api BIGINT NOT NULL,
  max_bytes BIGINT NOT NULL,
  max_tasks BIGINT NOT NULL,
  api BIGINT NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  tasks BIGINT NOT NULL DEFAULT 0,
  hour BIGINT NOT NULL DEFAULT 0,
  hour_api BIGINT NOT NULL DEFAULT 0,
  hour_bytes BIGINT NOT NULL DEFAULT 0,
  hour_tasks BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX token_quota_organization ON token_quota (organization_id);

-- Engines -------------------------------------------------------------------------------------------------

-- A kind of engine, for example Transcription. `organization_id` NULL: built-in, every organization may read it.
CREATE TABLE engine_category (
  id TEXT PRIMARY KEY,
  organization_id BIGINT REFERENCES organization (id),
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  description TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);

-- An engine that tasks may name. `organization_id` NULL: every organization may use it. `document` is the EngineSpec.
-- `running_limit`: as for an organization. `details`: what administrators set besides, EngineDetails; NULL for nothing.
-- A deleted engine keeps its row, because old jobs name it; its category may be gone.
-- `unavailable_*`: of an engine over HTTP, see `domain.engine_health.EngineHealth`.
CREATE TABLE engine (
  id TEXT PRIMARY KEY,
  organization_id BIGINT REFERENCES organization (id),
  slug TEXT,
  name TEXT NOT NULL,
  category_id TEXT REFERENCES engine_category (id),
  kind TEXT NOT NULL CHECK (kind IN ('native', 'python', 'http')),
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'disabled', 'deleted')),
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  running_limit INTEGER,
  details TEXT,
  unavailable_until BIGINT,
  unavailable_reason TEXT,
  unavailable_probes INTEGER NOT NULL DEFAULT 0,
  CHECK (category_id IS NOT NULL OR state = 'deleted')
);
CREATE INDEX engine_organization ON engine (organization_id, name);

-- Which engines an organization may use: if it has a whitelist, of the server's engines only those on it; and none on its
-- blacklist. Its own need no whitelist.
CREATE TABLE engine_access (
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  kind TEXT NOT NULL CHECK (kind IN ('whitelist', 'blacklist')),
  engine_id TEXT NOT NULL REFERENCES engine (id),
  PRIMARY KEY (organization_id, kind, engine_id)
);

-- A version of an organization's engine. `document` is what clients store with it, BuildDocument.
CREATE TABLE engine_build (
  id TEXT PRIMARY KEY,
  engine_id TEXT NOT NULL REFERENCES engine (id),
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX engine_build_engine ON engine_build (organization_id, engine_id, version);

-- A job of an engine that an organization has prepared: `document` is the job as REST creates it, with Handlebars in its
-- texts.
CREATE TABLE engine_template (
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  engine_id TEXT NOT NULL REFERENCES engine (id),
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, engine_id, name)
);

-- A pipeline that an organization has added: `document` is its steps and what is said about it.
CREATE TABLE pipeline (
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, name)
);

-- A token for workers: the organizations whose work they may take, and the engines for which they may take it. With
-- `any_organization` or `any_engine` it is for all of them, and has no rows below.
CREATE TABLE worker_token (
  token_id TEXT PRIMARY KEY REFERENCES token (id),
  any_organization INTEGER NOT NULL,
  any_engine INTEGER NOT NULL
);
CREATE TABLE worker_token_organization (
  token_id TEXT NOT NULL REFERENCES worker_token (token_id),
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  PRIMARY KEY (token_id, organization_id)
) {clustered};
CREATE TABLE worker_token_engine (
  token_id TEXT NOT NULL REFERENCES worker_token (token_id),
  engine_id TEXT NOT NULL REFERENCES engine (id),
  PRIMARY KEY (token_id, engine_id)
) {clustered};

-- Targets and assets --------------------------------------------------------------------------------------

-- A temporal data object, the object that jobs work on: from `start_at` to `stop_at`, with its assets. `source_id`,
-- `scheduled_job_id`: where its media came from, as its creator said.
CREATE TABLE target (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT,
  description TEXT,
  status TEXT NOT NULL,
  start_at BIGINT NOT NULL,
  stop_at BIGINT NOT NULL,
  is_public INTEGER NOT NULL DEFAULT 0,
  document TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  source_id BIGINT,
  scheduled_job_id BIGINT
);
-- An index for each order of the list, and for each object that a target comes from.
CREATE INDEX target_organization ON target (organization_id, start_at, id);
CREATE INDEX target_stop ON target (organization_id, stop_at, id);
CREATE INDEX target_created ON target (organization_id, created_at, id);
CREATE INDEX target_modified ON target (organization_id, modified_at, id);
CREATE INDEX target_source ON target (source_id, organization_id) WHERE source_id IS NOT NULL;
CREATE INDEX target_schedule ON target (scheduled_job_id, organization_id) WHERE scheduled_job_id IS NOT NULL;
CREATE INDEX target_public ON target (start_at, id, organization_id) WHERE is_public = 1;

-- A file of a target: stored bytes under `storage_key`, or a reference in `uri`. `job_id`, `ordinal`, `engine_id`: the
-- task that made it. `is_result`: its bytes are an output of that task. `replay_key`: there is never more than one asset with the same key.
CREATE TABLE asset (
  id TEXT PRIMARY KEY,
  target_id BIGINT NOT NULL REFERENCES target (id),
  organization_id BIGINT NOT NULL,
  asset_type TEXT NOT NULL,
  content_type TEXT NOT NULL,
  name TEXT,
  description TEXT,
  uri TEXT,
  storage_key TEXT,
  size BIGINT,
  sha256 TEXT,
  md5 TEXT,
  is_primary INTEGER NOT NULL DEFAULT 0,
  job_id BIGINT,
  ordinal INTEGER,
  engine_id TEXT,
  is_result INTEGER NOT NULL DEFAULT 0,
  replay_key TEXT UNIQUE,
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  CHECK (uri IS NOT NULL OR storage_key IS NOT NULL)
);
CREATE INDEX asset_target ON asset (target_id, created_at, id);
CREATE INDEX asset_bytes ON asset (storage_key) WHERE storage_key IS NOT NULL;

-- Bytes that were put to a signed URL. `asset_id`: the asset that has taken them over. From `expires_at` on the row is
-- deleted, with the bytes if no asset has them.
CREATE TABLE upload (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  expires_at BIGINT NOT NULL,
  content_type TEXT NOT NULL,
  storage_key TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  md5 TEXT NOT NULL,
  asset_id TEXT,
  stored_at BIGINT NOT NULL
);
CREATE INDEX upload_expiry ON upload (expires_at);

-- Exports: a zip of what targets and their engines have. While one is incomplete, a server may make it until
-- `leased_until`; `fence` counts the leases, `tries` those that were not given back. `document` is what was asked for;
-- `files` and `bytes` are how much that is. From `expires_at` on the row is deleted, with its bytes.
CREATE TABLE export_request (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  requestor_id TEXT,
  status TEXT NOT NULL CHECK (status IN ('incomplete', 'complete', 'failed', 'downloaded')),
  document TEXT NOT NULL,
  files INTEGER NOT NULL DEFAULT 0,
  files_done INTEGER NOT NULL DEFAULT 0,
  bytes BIGINT NOT NULL DEFAULT 0,
  bytes_done BIGINT NOT NULL DEFAULT 0,
  message TEXT,
  storage_key TEXT,
  size BIGINT,
  sha256 TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  leased_until BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  CHECK ((storage_key IS NOT NULL) = (status IN ('complete', 'downloaded')))
);
CREATE INDEX export_request_created ON export_request (organization_id, created_at, id);
CREATE INDEX export_request_modified ON export_request (organization_id, modified_at, id);
CREATE INDEX export_request_due ON export_request (leased_until, id) WHERE status = 'incomplete';
CREATE INDEX export_request_expiry ON export_request (expires_at) WHERE status <> 'incomplete';

-- Jobs ----------------------------------------------------------------------------------------------------

-- The changing part of a job; its plan is in job_document.
-- The task counts are those of domain.status.Tally; `status` is always the job_status of them.
-- `cancellable_since`: the last barrier seen when all tasks were pending or queued, NULL otherwise.
-- `retry_of` is the job that this one retries, `root_of` the first job of that chain; NULL if it is not a retry.
-- `scheduled_job_id`, `slot_at`, `template_id`: the schedule, slot and template that launched it.
-- `stopping`: how many of its attempts must still stop since `stop_requested_at`; 0 without such a request.
-- `notifies`: 1 if the job or one of its tasks has notificationUris, also from an update of the task.
-- `plan_revision`: 0 for the plan as created; each addition to the plan draws another one.
-- `has_standby`: 1 if one of its tasks is a standby, so that not all of its failed and aborted tasks are in the counts.
-- `tasks_ready`: how many of its tasks are pending or queued, and have an item that may run.
-- `engine_set`: a digest of the engines that its tasks name, those in job_engine. Few sets are different.
CREATE TABLE job (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL,
  status TEXT NOT NULL CHECK (
    status = 'pending' OR status = 'queued' OR status = 'running' OR status = 'complete'
    OR status = 'failed' OR status = 'aborted'
  ),
  cancelled INTEGER NOT NULL DEFAULT 0,
  cancellable_since BIGINT,
  tasks_total INTEGER NOT NULL,
  tasks_queued INTEGER NOT NULL DEFAULT 0,
  tasks_running INTEGER NOT NULL DEFAULT 0,
  tasks_complete INTEGER NOT NULL DEFAULT 0,
  tasks_failed INTEGER NOT NULL DEFAULT 0,
  tasks_aborted INTEGER NOT NULL DEFAULT 0,
  tasks_ready INTEGER NOT NULL DEFAULT 0,
  target_id BIGINT,
  created_by TEXT,
  due_at BIGINT,
  retry_of BIGINT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL,
  started_at BIGINT,
  completed_at BIGINT,
  aborted_at BIGINT,
  root_of BIGINT,
  paused_at BIGINT,
  stop_requested_at BIGINT,
  stopping INTEGER NOT NULL DEFAULT 0,
  scheduled_job_id BIGINT,
  slot_at BIGINT,
  template_id BIGINT,
  name TEXT,
  core_id TEXT,
  notifies INTEGER NOT NULL DEFAULT 0,
  plan_revision BIGINT NOT NULL DEFAULT 0,
  has_standby INTEGER NOT NULL DEFAULT 0,
  engine_set BIGINT NOT NULL,
  CHECK (tasks_queued + tasks_running + tasks_complete + tasks_failed + tasks_aborted <= tasks_total),
  CHECK (cancelled = 0 OR cancellable_since IS NULL),
  CHECK (tasks_running + tasks_complete + tasks_failed + tasks_aborted = 0 OR cancellable_since IS NULL)
);
-- An index for each filter of the lists, in the order of the list, so that a page is read directly from it.
CREATE INDEX job_organization ON job (organization_id, id, created_at);
CREATE INDEX job_status ON job (organization_id, status, id);
CREATE INDEX job_modified ON job (organization_id, status, modified_at, id);
CREATE INDEX job_target ON job (target_id, organization_id, id) WHERE target_id IS NOT NULL;
CREATE INDEX job_with_target ON job (organization_id, id) WHERE target_id IS NOT NULL;
-- Of the jobs that do not run: written when a job is created, starts and ends, not with each change of one that runs.
CREATE INDEX job_with_target_changed ON job (organization_id, modified_at, id)
  WHERE target_id IS NOT NULL AND status <> 'running';
CREATE INDEX job_schedule ON job (scheduled_job_id, organization_id, id) WHERE scheduled_job_id IS NOT NULL;
-- Written once, when the job ends: those that have not ended are in job_schedule_live.
CREATE INDEX job_schedule_changed ON job (scheduled_job_id, organization_id, modified_at, id)
  WHERE scheduled_job_id IS NOT NULL AND status IN ('complete', 'failed', 'aborted');
CREATE INDEX job_with_schedule ON job (organization_id, id) WHERE scheduled_job_id IS NOT NULL;
CREATE INDEX job_with_schedule_changed ON job (organization_id, modified_at, id)
  WHERE scheduled_job_id IS NOT NULL AND status <> 'running';
CREATE INDEX job_engines_changed ON job (organization_id, engine_set, modified_at, id) WHERE status <> 'running';
CREATE INDEX job_of_template ON job (template_id, organization_id, id) WHERE template_id IS NOT NULL;
CREATE INDEX job_name ON job (organization_id, name, id) WHERE name IS NOT NULL;
CREATE INDEX job_core ON job (organization_id, core_id, id) WHERE core_id IS NOT NULL;
CREATE INDEX job_retry ON job (retry_of, id) WHERE retry_of IS NOT NULL;
CREATE INDEX job_schedule_live ON job (scheduled_job_id, organization_id, id)
  WHERE scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running');
-- Every job with a failed task is here: the list of the failed tasks is read from it.
CREATE INDEX job_failures ON job (organization_id, id) WHERE tasks_failed > 0 OR has_standby = 1;
CREATE INDEX job_failures_changed ON job (organization_id, modified_at, id) WHERE tasks_failed > 0 OR has_standby = 1;
-- The jobs that wait though a task has ended: one that was aborted, that took no pushes, or that a retry reuses.
CREATE INDEX job_partly_ended ON job (organization_id, id)
  WHERE status IN ('pending', 'queued') AND (cancellable_since IS NULL OR retry_of IS NOT NULL);
-- The jobs beside the complete ones that can have a complete task and have ended, those beside the aborted ones that can
-- have an aborted task, and the queued ones that can have a pending task. The lists of these tasks are read from them.
-- CASE, here and below, so that no index of the status serves a query of such jobs. `= 1`, because PostgreSQL expects few
-- rows of an equality that it knows nothing of, and a third of all rows of any other comparison.
CREATE INDEX job_partly_complete ON job (organization_id, id)
  WHERE (tasks_complete > 0 OR retry_of IS NOT NULL) AND CASE WHEN status = 'failed' OR status = 'aborted' THEN 1 ELSE 0 END = 1;
CREATE INDEX job_partly_aborted ON job (organization_id, id)
  WHERE status <> 'aborted' AND (tasks_aborted > 0 OR has_standby = 1 OR cancelled = 1);
CREATE INDEX job_partly_queued ON job (organization_id, id)
  WHERE CASE WHEN status = 'queued' AND tasks_total - tasks_queued + has_standby > 0 THEN 1 ELSE 0 END = 1;
-- The jobs with tasks that may have changed at another time than that of the creation or the cancel: those that wait and
-- have changed, and those that have changed since their cancel. Those that wait are in the order of their change for each
-- number of digits of the seconds since their creation: so one finds those that were created before a moment and have
-- changed since, without a look at what changed much later.
CREATE INDEX job_waiting_changed
  ON job (organization_id, LENGTH(CAST((modified_at - created_at) / 1000000 AS TEXT)), modified_at, id)
  WHERE CASE WHEN (status = 'pending' OR status = 'queued') AND modified_at > created_at THEN 1 ELSE 0 END = 1;
CREATE INDEX job_cancelled_changed ON job (organization_id, aborted_at, id)
  WHERE CASE WHEN modified_at > aborted_at THEN 1 ELSE 0 END = 1;
CREATE INDEX job_paused ON job (organization_id, id, status) WHERE paused_at IS NOT NULL;
CREATE INDEX job_paused_changed ON job (organization_id, modified_at, id)
  WHERE paused_at IS NOT NULL AND status IN ('pending', 'queued');
-- The jobs that a bulk cancel counts and settles. The index holds all columns that the count uses.
CREATE INDEX job_cancellable ON job (organization_id, created_at, cancellable_since) WHERE cancellable_since IS NOT NULL;

-- The engines of a job's tasks, each once: a list of the jobs of an engine is read from this key.
CREATE TABLE job_engine (
  organization_id BIGINT NOT NULL,
  engine_id TEXT NOT NULL,
  job_id BIGINT NOT NULL,
  PRIMARY KEY (organization_id, engine_id, job_id)
) {clustered};

-- The plan of a job, as one text. It changes only when a task or a route is added to the job under way.
CREATE TABLE job_document (job_id BIGINT PRIMARY KEY, document TEXT NOT NULL);

-- An act on many jobs: what is done to the jobs that its rule (JSON) matched when it was accepted. `applied` of them are
-- changed, `skipped` are left alone. `barrier_id`: the bulk cancel that carries it out. `undo_of`: the act that it undoes.
CREATE TABLE bulk_act (
  id {serial},
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  act TEXT NOT NULL CHECK (act IN ('cancel', 'stop', 'retry', 'pause', 'resume')),
  rule TEXT NOT NULL,
  created_by TEXT,
  user_name TEXT,
  accepted_at BIGINT NOT NULL,
  matched BIGINT NOT NULL,
  applied BIGINT NOT NULL DEFAULT 0,
  skipped BIGINT NOT NULL DEFAULT 0,
  ended_at BIGINT,
  barrier_id BIGINT UNIQUE,
  undo_of BIGINT UNIQUE
);
CREATE INDEX bulk_act_organization ON bulk_act (organization_id, id);
CREATE INDEX bulk_act_open ON bulk_act (organization_id, id) WHERE ended_at IS NULL;
CREATE INDEX bulk_act_ended ON bulk_act (ended_at) WHERE ended_at IS NOT NULL;

-- Some of the jobs of such an act, which one transaction changes. `ids`, `applied`: the first id and the distances between
-- the others, as JSON. `applied` are those that it has changed, NULL before: each job has its turn once.
CREATE TABLE bulk_act_batch (
  act_id BIGINT NOT NULL,
  first_id BIGINT NOT NULL,
  ids TEXT NOT NULL,
  applied TEXT,
  PRIMARY KEY (act_id, first_id)
) {clustered};
CREATE INDEX bulk_act_batch_open ON bulk_act_batch (act_id, first_id) WHERE applied IS NULL;

-- How many jobs such an act has left alone for a reason, and one of them.
CREATE TABLE bulk_act_skip (
  act_id BIGINT NOT NULL,
  reason TEXT NOT NULL,
  jobs BIGINT NOT NULL,
  example BIGINT NOT NULL,
  PRIMARY KEY (act_id, reason)
) {clustered};

-- A task of a job. `waits_for`: how many of its parents must still complete. The `items` columns count its work items, all
-- of which have its `priority`.
-- `reused_from`: the job whose stored outputs this task uses (same ordinal); the task itself never runs.
-- `deleted_at`: since then it is shown nowhere, and its outputs and attempts are gone; it still counts in the job's status.
-- `attempts_before`: how many attempts it had before it was last requeued; the numbers of later ones follow.
CREATE TABLE task (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (
    status = 'pending' OR status = 'queued' OR status = 'running' OR status = 'complete'
    OR status = 'failed' OR status = 'aborted' OR status = 'paused' OR status = 'waiting'
    OR status = 'standby_pending'
  ),
  engine_id TEXT NOT NULL,
  priority INTEGER NOT NULL DEFAULT 0,
  waits_for INTEGER NOT NULL,
  items INTEGER NOT NULL DEFAULT 0,
  items_open INTEGER NOT NULL DEFAULT 0,
  items_running INTEGER NOT NULL DEFAULT 0,
  items_failed INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  modified_at BIGINT NOT NULL,
  queued_at BIGINT,
  started_at BIGINT,
  completed_at BIGINT,
  aborted_at BIGINT,
  failure_reason TEXT,
  failure_message TEXT,
  reused_from BIGINT,
  attempts_before INTEGER NOT NULL DEFAULT 0,
  deleted_at BIGINT,
  organization_id BIGINT NOT NULL,
  ended_as TEXT,
  ended_at BIGINT,
  PRIMARY KEY (job_id, ordinal),
  CHECK (items_running <= items_open),
  CHECK (items_running = 0 OR status = 'running')
) {clustered};
-- Written once, when a task ends: the columns stay NULL until then, so that a claim writes no index.
CREATE INDEX task_ended ON task (organization_id, engine_id, ended_as, ended_at, job_id, ordinal)
  WHERE ended_at IS NOT NULL AND deleted_at IS NULL;

-- The ids that clients gave to tasks which they added to jobs under way. `digest`: of the request that added it.
CREATE TABLE given_task_id (
  organization_id BIGINT NOT NULL,
  given_id TEXT NOT NULL,
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (organization_id, given_id)
) {clustered};
CREATE INDEX given_task_id_job ON given_task_id (job_id);

-- A push endpoint of a route: what is pushed to it goes into this input folder. `pushed`: how many pushes it has taken;
-- the sum over the endpoints of a folder numbers the next push. `live` 0: its job has ended, and no push looks at it.
CREATE TABLE endpoint (
  organization_id BIGINT NOT NULL,
  endpoint TEXT NOT NULL,
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  pushed BIGINT NOT NULL DEFAULT 0,
  live INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (organization_id, endpoint, job_id, ordinal, folder)
) {clustered};
CREATE INDEX endpoint_live ON endpoint (organization_id, endpoint, live, job_id);
CREATE INDEX endpoint_folder ON endpoint (job_id, ordinal, folder);

-- An item that descends from a push whose client waits for a result: the push is named by its first item (`root_*`).
-- `kept_until`: later pushes to the job delete the row after this time.
CREATE TABLE push_item (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  item INTEGER NOT NULL,
  root_ordinal INTEGER NOT NULL,
  root_item INTEGER NOT NULL,
  kept_until BIGINT NOT NULL,
  PRIMARY KEY (job_id, ordinal, item)
) {clustered};
CREATE INDEX push_item_root ON push_item (job_id, root_ordinal, root_item);
CREATE INDEX push_item_kept ON push_item (job_id, kept_until);

-- A work item: a whole task, or one chunk of it. This table is small: it holds only items that may run or are running.
-- A row is deleted when its item ends or its job is cancelled.
-- `lease_until` NULL: free to claim. `token` is the fencing token of the last lease, 0 before the first.
-- `held`: 0 for an item that may be claimed, else the sum of 1 (the limit of its task is reached) and 2 (its job is
-- paused). `stop_requested_at`, `stop_signalled_at`: when the stop of its running attempt was requested, and signalled.
-- `source_*` name the artifact that a chunk item reads; -1 if an item reads everything or nothing.
CREATE TABLE work_item (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  item INTEGER NOT NULL,
  organization_id BIGINT NOT NULL,
  pool TEXT NOT NULL,
  engine_id TEXT NOT NULL,
  priority INTEGER NOT NULL,
  due_at BIGINT NOT NULL,
  turn_at BIGINT NOT NULL,
  not_before BIGINT NOT NULL,
  token BIGINT NOT NULL DEFAULT 0,
  lease_until BIGINT,
  worker TEXT,
  started_at BIGINT,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  folder INTEGER NOT NULL DEFAULT -1,
  source_ordinal INTEGER NOT NULL DEFAULT -1,
  source_folder INTEGER NOT NULL DEFAULT -1,
  source_item INTEGER NOT NULL DEFAULT -1,
  source_part INTEGER NOT NULL DEFAULT -1,
  held INTEGER NOT NULL DEFAULT 0,
  stop_requested_at BIGINT,
  stop_signalled_at BIGINT,
  PRIMARY KEY (job_id, ordinal, item),
  CHECK ((lease_until IS NULL) = (worker IS NULL))
) {clustered};
CREATE INDEX work_item_lane ON work_item (
  pool, organization_id, engine_id, priority, due_at, turn_at, job_id, ordinal, item
) WHERE lease_until IS NULL AND held = 0;
CREATE INDEX work_item_lease ON work_item (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX work_item_held ON work_item (organization_id, job_id, ordinal) WHERE held > 0;

-- Bulk cancels: one row covers every job of the organization created in the range with cancellable_since < id.
-- `matched`: the number of these jobs, NULL until they are counted; settling begins afterwards. `settled`: how many job
-- rows are updated. `include_running`: jobs that have started are stopped too, if they existed at `accepted_at`.
CREATE TABLE barrier (
  id {serial},
  organization_id BIGINT NOT NULL,
  created_from BIGINT NOT NULL,
  created_to BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  settled_at BIGINT,
  include_running INTEGER NOT NULL DEFAULT 0,
  matched BIGINT,
  settled BIGINT NOT NULL DEFAULT 0,
  created_by TEXT
);
CREATE INDEX barrier_open ON barrier (organization_id, id) WHERE settled_at IS NULL;

-- How many jobs and tasks an organization has: the sum over the shards. Writers use different shards.
-- With an engine: `tasks` of it that are not deleted, by what their rows say (`status`, the `reason` of a failed one, and
-- whether it is in the `backlog`); `jobs` summed over all of this is how many jobs name the engine. Without one (''):
-- `jobs` in each status; of status failed and with a `reason`, `jobs` of which a task has failed for it; and `tasks` that are shown as aborted, because their job was cancelled, while their rows say this.
CREATE TABLE job_count (
  organization_id BIGINT NOT NULL,
  engine_id TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  backlog INTEGER NOT NULL,
  shard INTEGER NOT NULL,
  jobs BIGINT NOT NULL,
  tasks BIGINT NOT NULL,
  PRIMARY KEY (organization_id, engine_id, status, reason, backlog, shard)
) {clustered};

-- How many jobs of an organization name a schedule: the sum over the shards, as above. A deleted schedule keeps its rows
-- while it has jobs. Apart from job_count, because there may be as many schedules as jobs.
CREATE TABLE schedule_job_count (
  organization_id BIGINT NOT NULL,
  schedule_id BIGINT NOT NULL,
  shard INTEGER NOT NULL,
  jobs BIGINT NOT NULL,
  PRIMARY KEY (organization_id, schedule_id, shard)
) {clustered};

-- What the jobs of an organization did in each minute (since 1970): the sum over the rows. Each writing connection has its own.
CREATE TABLE job_rate (
  organization_id BIGINT NOT NULL,
  minute BIGINT NOT NULL,
  writer INTEGER NOT NULL,
  created BIGINT NOT NULL,
  started BIGINT NOT NULL,
  complete BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  aborted BIGINT NOT NULL,
  PRIMARY KEY (organization_id, minute, writer)
) {clustered};
CREATE INDEX job_rate_minute ON job_rate (minute);

-- The span of the request that created a job, as its `traceparent`; only while the server records spans.
CREATE TABLE job_trace (
  job_id BIGINT PRIMARY KEY,
  traceparent TEXT NOT NULL
) {clustered};

-- The workers that report: how many slots each has in each pool and what its machine has, as JSON. A worker that has not
-- reported is gone. `reload`: what a server says of its installed engines, ReloadReport. `unable`: the engines that it
-- cannot start now, by the sentence that says why, as JSON; NULL for none. `seat`: what its name keeps across a restart.
CREATE TABLE worker (
  name TEXT PRIMARY KEY,
  seat TEXT NOT NULL,
  pools TEXT NOT NULL,
  engines TEXT NOT NULL,
  resources TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  reload TEXT,
  unable TEXT
);

-- The workers that claim nothing, by what their names keep across a restart (`domain.work.seat`). There may be no such worker.
CREATE TABLE worker_drain (
  seat TEXT PRIMARY KEY,
  reason TEXT,
  detail TEXT,
  drained_at BIGINT NOT NULL
);
-- A worker on another machine, which reaches the server over HTTP with a token. `worker`: its name in the table above and
-- in its leases. `document`: what it registered with, RegisteredInstance.
CREATE TABLE instance (
  id TEXT PRIMARY KEY,
  worker TEXT NOT NULL UNIQUE,
  token_id TEXT NOT NULL REFERENCES worker_token (token_id),
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);
CREATE INDEX instance_token ON instance (token_id);

-- Bytes that a worker on another machine has uploaded under the lease `token`. Those that no result has taken over are
-- deleted with the row, a day after they came. With `is_expected` the worker got an address at the store for them, and
-- nobody has looked yet whether they are there.
CREATE TABLE attempt_output (
  storage_key TEXT PRIMARY KEY,
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  item INTEGER NOT NULL,
  token BIGINT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  md5 TEXT NOT NULL,
  stored_at BIGINT NOT NULL,
  is_expected INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX attempt_output_age ON attempt_output (stored_at);

-- Requests with an idempotency key, and their answers: a repeated request gets the same answer.
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

-- History -------------------------------------------------------------------------------------------------

-- An attempt that has ended. The row is written once, at its end.
CREATE TABLE attempt (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  item INTEGER NOT NULL,
  number INTEGER NOT NULL,
  token BIGINT NOT NULL,
  worker TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  outcome TEXT NOT NULL CHECK (
    outcome = 'complete' OR outcome = 'failed' OR outcome = 'lost' OR outcome = 'stopped' OR outcome = 'postponed'
  ),
  failure_reason TEXT,
  failure_message TEXT,
  stop_requested_at BIGINT,
  stop_signalled_at BIGINT,
  PRIMARY KEY (job_id, ordinal, item, number)
) {clustered};

-- An output of a task. `bytes_deleted_at`: since then its bytes are gone, with the target that they were an asset of.
-- `folder` -1 holds the outputs that the task published as the job's results. `position` orders
-- chunks in their media. What was pushed into the input folder n of a task is no output of it: `folder` is -2 - n.
CREATE TABLE artifact (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  folder INTEGER NOT NULL,
  item INTEGER NOT NULL,
  part INTEGER NOT NULL,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  storage_key TEXT NOT NULL,
  start_ms BIGINT,
  stop_ms BIGINT,
  metadata TEXT,
  created_at BIGINT NOT NULL,
  shared INTEGER NOT NULL DEFAULT 0,
  bytes_deleted_at BIGINT,
  PRIMARY KEY (job_id, ordinal, folder, item, part)
) {clustered};
-- A `shared` row names bytes that another row may also name: of a retry that reuses them, or of an asset.
CREATE INDEX artifact_shared ON artifact (storage_key) WHERE shared = 1;

-- The notificationUris that an update of a task has set, besides those of the plan: a JSON list.
CREATE TABLE task_notification (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  uris TEXT NOT NULL,
  PRIMARY KEY (job_id, ordinal)
) {clustered};

-- What an update of a task has reported as its output, and `info`: what its engine last said of its work; both as JSON.
CREATE TABLE task_output (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  output TEXT,
  info TEXT,
  PRIMARY KEY (job_id, ordinal)
) {clustered};

-- The payload of the last poll of an item, as JSON. An engine that asked to be called again gets it with the next call.
CREATE TABLE task_poll (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  item INTEGER NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (job_id, ordinal, item)
) {clustered};

-- A log that an engine or a person has added to a task. Its bytes are in the store.
CREATE TABLE task_log (
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  storage_key TEXT NOT NULL,
  size BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, ordinal, storage_key)
) {clustered};

-- An event of a job or a task. `ordinal` -1: of the job itself.
CREATE TABLE event (
  id {serial},
  job_id BIGINT NOT NULL,
  ordinal INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  detail TEXT
);
CREATE INDEX event_job ON event (job_id, id);

-- Webhooks ------------------------------------------------------------------------------------------------

-- A message to one address, or a job to create (kind 'job': nothing is sent), or an output of a task (kind 'output': `body` says which), written in the transaction of the fact that it is about. `message` is its public id.
-- The messages of a `queue` (one receiver, one job) are sent one after the other, in the order of their ids.
-- `next_at`: when it is due; NULL once it has ended. While it is `in_flight`: when another server may send it again.
-- `destination`: scheme, host and port of `url`. `size`: the bytes of the body. `answer` is the start of the last answer.
CREATE TABLE outbox (
  id {serial},
  message TEXT NOT NULL UNIQUE,
  organization_id BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('notification', 'event', 'job', 'output')),
  subscription_id TEXT,
  queue TEXT NOT NULL,
  url TEXT NOT NULL,
  destination TEXT NOT NULL,
  event TEXT NOT NULL,
  job_id BIGINT,
  ordinal INTEGER,
  body TEXT NOT NULL,
  size INTEGER NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  in_flight INTEGER NOT NULL DEFAULT 0,
  next_at BIGINT,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  attempted_at BIGINT,
  ended_at BIGINT,
  answer_status INTEGER,
  answer TEXT,
  CHECK ((status = 'pending') = (next_at IS NOT NULL)),
  CHECK ((status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX outbox_due ON outbox (next_at, id) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_queue ON outbox (queue, id) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_in_flight ON outbox (organization_id, destination, next_at) WHERE in_flight = 1;
CREATE INDEX outbox_organization ON outbox (organization_id, id);
CREATE INDEX outbox_status ON outbox (organization_id, status, id);
CREATE INDEX outbox_job ON outbox (job_id, organization_id, id) WHERE job_id IS NOT NULL;
CREATE INDEX outbox_subscription ON outbox (subscription_id, id) WHERE subscription_id IS NOT NULL AND next_at IS NOT NULL;
CREATE INDEX outbox_of_subscription ON outbox (subscription_id, organization_id, id) WHERE subscription_id IS NOT NULL;
CREATE INDEX outbox_failed ON outbox (subscription_id, organization_id, id)
  WHERE subscription_id IS NOT NULL AND status = 'failed';
CREATE INDEX outbox_waiting ON outbox (organization_id, id, size) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;

-- A destination whose last `failures` attempts for this organization failed. No attempt begins before `open_until`.
CREATE TABLE webhook_destination (
  organization_id BIGINT NOT NULL,
  destination TEXT NOT NULL,
  failures INTEGER NOT NULL,
  open_until BIGINT,
  PRIMARY KEY (organization_id, destination)
) {clustered};

-- The salt of the secret that signs the messages of a subscription, or of the organization's notificationUris
-- (subscription_id ''). A secret is derived from its salt and the server's secret key, which is not in the database.
-- The secret of the salt `previous` signs too, until `previous_until`.
CREATE TABLE webhook_secret (
  organization_id BIGINT NOT NULL,
  subscription_id TEXT NOT NULL,
  salt TEXT NOT NULL,
  previous TEXT,
  previous_until BIGINT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (organization_id, subscription_id)
) {clustered};

-- What follows which events: a message to an address, or a job (`document`). It is a subscription or a trigger (`origin`).
-- An empty `application`, `event_type` or `event_name` means every one. `template_id`: the template that says what follows.
-- `ended_at`: the receiver answered that it wants no more.
CREATE TABLE event_subscription (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  application TEXT NOT NULL,
  event_type TEXT NOT NULL,
  event_name TEXT NOT NULL,
  url TEXT NOT NULL,
  params TEXT NOT NULL,
  conditions TEXT,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  origin TEXT NOT NULL CHECK (origin IN ('subscription', 'trigger')),
  action TEXT NOT NULL CHECK (action IN ('webhook', 'job')),
  document TEXT,
  template_id TEXT,
  CHECK ((action = 'job') = (document IS NOT NULL))
);
CREATE INDEX event_subscription_organization ON event_subscription (organization_id, application, created_at, id);
CREATE INDEX event_subscription_open ON event_subscription (organization_id, application) WHERE ended_at IS NULL;

-- What can follow an event, for several subscriptions and triggers. `document` holds what is only kept and shown.
CREATE TABLE event_action_template (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  name TEXT NOT NULL,
  application_id TEXT,
  action TEXT NOT NULL CHECK (action IN ('webhook', 'job')),
  destination TEXT NOT NULL,
  document TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX event_action_template_organization ON event_action_template (organization_id, created_at, id);

-- An event that an organization declares and emits itself.
CREATE TABLE event_definition (
  id TEXT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  application TEXT NOT NULL,
  event_type TEXT NOT NULL,
  event_name TEXT NOT NULL,
  is_public INTEGER NOT NULL DEFAULT 0,
  description TEXT,
  schema_data TEXT NOT NULL,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  UNIQUE (organization_id, application, event_type, event_name)
);

-- Audit ---------------------------------------------------------------------------------------------------

-- Who did what: one row for every change and every refused authentication, in the transaction of the change.
-- `organization_id` 0: unknown.
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
CREATE INDEX audit_entry_object ON audit_entry (organization_id, object_id, at) WHERE object_id IS NOT NULL;

-- One hash over the audit rows up to `last_id` and over the previous seal, so that later changes show. `digests` has a
-- line for each row, with its id and its own hash; NULL after the rows are pruned.
CREATE TABLE audit_seal (
  number BIGINT PRIMARY KEY,
  last_id BIGINT NOT NULL,
  entries BIGINT NOT NULL,
  sealed_at BIGINT NOT NULL,
  hash TEXT NOT NULL,
  digests TEXT
);
CREATE INDEX audit_seal_last ON audit_seal (last_id);

-- Schedules and templates ---------------------------------------------------------------------------------

-- A scheduled job, which creates jobs at its slots.
-- `timing` and `rules` are those of domain.schedules.timing. Intervals count from `anchor`. `decided` is the cursor:
-- every slot up to it has fired, waits or was skipped, once. `next_at`: when to look again, NULL if nothing comes.
-- `version` rises with every change; scheduled_job_version holds the previous versions.
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

-- A scheduled job as it was before its `version` was replaced.
CREATE TABLE scheduled_job_version (
  schedule_id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  document TEXT NOT NULL,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (schedule_id, version)
) {clustered};

-- The outcome of each slot: one row for a slot that fired or waits for an earlier run, one row for several skipped
-- slots in a row (`slots` of them, up to `last_slot`). The jobs of a slot name it in `slot_at`.
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

-- A template for jobs. In a pipeline it belongs to a stage.
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

-- One task of a job template.
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

-- A group of job templates; each template names its pipeline.
CREATE TABLE job_pipeline (
  id BIGINT PRIMARY KEY,
  organization_id BIGINT NOT NULL REFERENCES organization (id),
  is_public INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  modified_at BIGINT NOT NULL
);
CREATE INDEX job_pipeline_organization ON job_pipeline (organization_id, id);

-- What a schedule launches: a template directly (`pipeline_id` -1), or a pipeline (`template_id` -1).
CREATE TABLE schedule_launch (
  schedule_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  template_id BIGINT NOT NULL DEFAULT -1,
  pipeline_id BIGINT NOT NULL DEFAULT -1,
  PRIMARY KEY (schedule_id, position)
) {clustered};
CREATE INDEX schedule_launch_template ON schedule_launch (template_id, schedule_id);

-- A kind of source. These rows are fixed.
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

-- A source of media: a station, a feed, a folder.
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

-- What the jobs of a scheduled job record: `data` fits the schema `schema_id`, `sdo_id` names the object that holds it.
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
