-- name: given
-- The tasks that these ids were given to.
-- rows: organization_id bigint, given_id text
SELECT g.organization_id, g.given_id, g.job_id, g.ordinal, g.digest
FROM {rows} r JOIN given_task_id g ON g.organization_id = r.organization_id AND g.given_id = r.given_id;

-- name: give
-- rows: organization_id bigint, given_id text, job_id bigint, ordinal int, digest text
INSERT INTO given_task_id (organization_id, given_id, job_id, ordinal, digest)
SELECT r.organization_id, r.given_id, r.job_id, r.ordinal, r.digest FROM {rows} r;

-- name: delete_given_ids
-- The jobs are locked.
-- lists: ids bigint
DELETE FROM given_task_id WHERE job_id IN {ids};

-- name: begun
-- Those of these tasks of which an attempt has started; their job is locked.
-- rows: job_id bigint, ordinal int
SELECT t.ordinal FROM {rows} r JOIN task t ON t.job_id = r.job_id AND t.ordinal = r.ordinal
WHERE t.started_at IS NOT NULL;

-- name: insert_tasks
-- The jobs are locked. The settlement that follows sets everything else.
-- rows: job_id bigint, ordinal int, engine_id text, priority int, modified_at bigint, organization_id bigint
INSERT INTO task (job_id, ordinal, status, engine_id, priority, waits_for, modified_at, organization_id)
SELECT r.job_id, r.ordinal, 'pending', r.engine_id, r.priority, 0, r.modified_at, r.organization_id FROM {rows} r;

-- name: insert_engines
-- rows: organization_id bigint, engine_id text, job_id bigint
INSERT INTO job_engine (organization_id, engine_id, job_id)
SELECT r.organization_id, r.engine_id, r.job_id FROM {rows} r WHERE true
ON CONFLICT (organization_id, engine_id, job_id) DO NOTHING;

-- name: set_documents
-- rows: job_id bigint, document document
UPDATE job_document SET document = r.document FROM {rows} r WHERE job_document.job_id = r.job_id;

-- name: grow
-- The jobs are locked. Every server that has the plan of an earlier revision in memory reads it again.
-- rows: id bigint, tasks int, plan_revision bigint, engine_set bigint
UPDATE job SET tasks_total = job.tasks_total + r.tasks, plan_revision = r.plan_revision, engine_set = r.engine_set
FROM {rows} r WHERE job.id = r.id;
