-- name: taken_ids
-- only: sqlite
SELECT id FROM job WHERE id BETWEEN :first AND :last;

-- name: last_barrier
-- only: sqlite
SELECT COALESCE(MAX(id), 0) FROM barrier;

-- name: insert
-- Inserts jobs whose ids are free. `last_barrier` is of the same transaction, in which no other barrier can appear.
-- only: sqlite
-- rows: id bigint, organization_id bigint, status text, tasks_total int, tasks_queued int, target_id bigint, created_by text, due_at bigint, retry_of bigint, root_of bigint, name text, core_id text, created_at bigint, notifies int, tasks_ready int, engine_set bigint, last_barrier bigint
INSERT INTO job (id, organization_id, status, cancellable_since, tasks_total, tasks_queued, target_id, created_by, due_at,
                 retry_of, root_of, name, core_id, created_at, modified_at, notifies, tasks_ready,
                 engine_set)
SELECT r.id, r.organization_id, r.status, r.last_barrier, r.tasks_total, r.tasks_queued, r.target_id, r.created_by,
       r.due_at, r.retry_of, r.root_of, r.name, r.core_id, r.created_at, r.created_at, r.notifies, r.tasks_ready,
       r.engine_set
FROM {rows} r;

-- name: insert_free
-- Inserts the jobs whose id is free and returns their ids; the others must try another id. The transaction holds the
-- shared barrier lock, so that no barrier can appear after the last one seen here.
-- only: postgres
-- rows: id bigint, organization_id bigint, status text, tasks_total int, tasks_queued int, target_id bigint, created_by text, due_at bigint, retry_of bigint, root_of bigint, name text, core_id text, created_at bigint, notifies int, tasks_ready int, engine_set bigint
-- alike: organization_id status tasks_total tasks_queued target_id created_by due_at retry_of root_of name core_id created_at notifies tasks_ready engine_set
INSERT INTO job (id, organization_id, status, cancellable_since, tasks_total, tasks_queued, target_id, created_by, due_at,
                 retry_of, root_of, name, core_id, created_at, modified_at, notifies, tasks_ready,
                 engine_set)
SELECT r.id, r.organization_id, r.status, (SELECT COALESCE(MAX(b.id), 0) FROM barrier b), r.tasks_total, r.tasks_queued,
       r.target_id, r.created_by, r.due_at, r.retry_of, r.root_of, r.name, r.core_id, r.created_at, r.created_at, r.notifies,
       r.tasks_ready, r.engine_set
FROM {rows} r WHERE true
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: insert_documents
-- The plan of each job: one text that no SQL statement parses.
-- rows: job_id bigint, document document
-- alike: document
INSERT INTO job_document (job_id, document) SELECT r.job_id, r.document FROM {rows} r;

-- name: insert_tasks
-- The new tasks; all items of a task that may start are open.
-- rows: job_id bigint, ordinal int, status text, engine_id text, priority int, waits_for int, items int, modified_at bigint, organization_id bigint
-- alike: status priority modified_at organization_id
INSERT INTO task (job_id, ordinal, status, engine_id, priority, waits_for, items, items_open, modified_at, organization_id)
SELECT r.job_id, r.ordinal, r.status, r.engine_id, r.priority, r.waits_for, r.items, r.items, r.modified_at, r.organization_id
FROM {rows} r;

-- name: insert_engines
-- rows: organization_id bigint, engine_id text, job_id bigint
INSERT INTO job_engine (organization_id, engine_id, job_id) SELECT r.organization_id, r.engine_id, r.job_id FROM {rows} r;

-- name: status
-- The job's status. A job that an open bulk cancel covers is aborted, even if its row has another status.
SELECT CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END
FROM job j WHERE j.id = :id AND j.organization_id = :organization_id;

-- name: statuses
-- The status of each of these jobs that belongs to the given organization.
-- rows: id bigint, organization_id bigint
SELECT j.id, j.organization_id, CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END
FROM {rows} r JOIN job j ON j.id = r.id AND j.organization_id = r.organization_id;

-- name: by_ids
-- The jobs without their plans. `covered_at`: since when an open bulk cancel has aborted the job; NULL if none covers it.
-- `retries` are ids, as JSON. The plus sign keeps the databases from walking through the organization: without
-- statistics they expect many retries, and there are few.
-- lists: ids bigint
SELECT j.id, j.organization_id, j.status, j.cancelled, j.target_id, j.created_by, j.due_at, j.retry_of, j.created_at,
       j.modified_at, j.started_at, j.completed_at, j.aborted_at, j.stop_requested_at, j.stopping,
       {covered_at:j} AS covered_at, j.root_of, j.paused_at, j.scheduled_job_id, j.slot_at, j.template_id,
       CAST((SELECT {list_of}(r.id) FROM job r
             WHERE r.retry_of = j.id AND r.retry_of IS NOT NULL AND +r.organization_id = j.organization_id) AS TEXT) AS retries,
       j.plan_revision, {version:j} AS version
FROM job j
WHERE j.id IN {ids} AND j.organization_id = :organization_id;

-- name: summaries
-- The jobs as a list shows them. `started`: one of its tasks runs or has ended, here. `tasks`: how many there are, how many
-- of them are complete, and their engines, as JSON.
-- lists: ids bigint
SELECT j.id, j.status, j.name, j.created_at, j.modified_at, j.started_at, j.paused_at, {covered_at:j} AS covered_at,
       CASE WHEN j.tasks_running + j.tasks_complete + j.tasks_failed + j.tasks_aborted > 0 THEN 1 ELSE 0 END AS started,
       j.cancelled,
       CAST((SELECT {tuple_of}(COUNT(*), COUNT(CASE WHEN t.status = 'complete' THEN 1 END), {list_of}(DISTINCT t.engine_id))
             FROM task t WHERE {task_of_job} AND t.deleted_at IS NULL) AS TEXT) AS tasks
FROM job j WHERE j.id IN {ids} AND j.organization_id = :organization_id;

-- name: current
-- The same of the jobs that wait longest, that run since the shortest time, and that failed last: so many of each status.
SELECT j.id, j.status, j.name, j.created_at, j.modified_at, j.started_at, j.paused_at, NULL AS covered_at,
       CASE WHEN j.begun > 0 THEN 1 ELSE 0 END AS started,
       j.cancelled,
       CAST((SELECT {tuple_of}(COUNT(*), COUNT(CASE WHEN t.status = 'complete' THEN 1 END), {list_of}(DISTINCT t.engine_id))
             FROM task t WHERE {task_of_job} AND t.deleted_at IS NULL) AS TEXT) AS tasks
FROM (SELECT * FROM (SELECT id, status, name, created_at, modified_at, started_at, paused_at, cancelled,
                            tasks_running + tasks_complete + tasks_failed + tasks_aborted AS begun
                     FROM job WHERE organization_id = :organization_id AND status = 'pending' ORDER BY id LIMIT :limit) a
      UNION ALL
      SELECT * FROM (SELECT id, status, name, created_at, modified_at, started_at, paused_at, cancelled,
                            tasks_running + tasks_complete + tasks_failed + tasks_aborted AS begun
                     FROM job WHERE organization_id = :organization_id AND status = 'queued' ORDER BY id LIMIT :limit) b
      UNION ALL
      SELECT * FROM (SELECT id, status, name, created_at, modified_at, started_at, paused_at, cancelled,
                            tasks_running + tasks_complete + tasks_failed + tasks_aborted AS begun
                     FROM job WHERE organization_id = :organization_id AND status = 'running'
                     ORDER BY id DESC LIMIT :limit) c
      UNION ALL
      SELECT * FROM (SELECT id, status, name, created_at, modified_at, started_at, paused_at, cancelled,
                            tasks_running + tasks_complete + tasks_failed + tasks_aborted AS begun
                     FROM job WHERE organization_id = :organization_id AND status = 'failed'
                     ORDER BY modified_at DESC, id DESC LIMIT :limit) d) j;

-- name: tasks
-- The tasks of jobs that `by_ids` has checked to belong to the organization; with the first the plan of the job.
-- lists: ids bigint
SELECT t.job_id, t.ordinal, t.status, t.items, t.items_open, t.items_failed, t.attempts, t.modified_at, t.queued_at,
       t.started_at, t.completed_at, t.aborted_at, t.failure_reason, t.failure_message, t.items_running, t.reused_from,
       t.deleted_at,
       CASE WHEN t.ordinal = 0 THEN (SELECT d.document FROM job_document d WHERE d.job_id = t.job_id) END AS document
FROM task t WHERE t.job_id IN {ids} ORDER BY t.job_id, t.ordinal;

-- name: of_template
SELECT id FROM job
WHERE template_id = :template_id AND template_id IS NOT NULL AND organization_id = :organization_id
ORDER BY id DESC LIMIT :limit;

-- name: list
-- The ids of an organization's jobs, or how many there are (`total`). Only one of the filters may drive the list, and
-- has an index in the order of the list. The names of the other filters begin with `of_`: these are written so that no
-- index serves them, because a database without statistics may take the wrong one. OFFSET 0 does the same.
-- `applied_…`: an open bulk cancel has aborted jobs whose rows are not updated yet. `tally`: how many there are of each
-- kind that acts on many jobs tell apart.
-- parts: total tally applied_tally page by_failure by_paused of_failures of_paused live applied_live all_live all_ended settled waiting by_engine_set by_status by_target by_name by_core with_target without_target by_schedule with_schedule without_schedule created modified of_ids of_name of_core of_with_target of_with_schedule of_statuses of_schedules of_engines of_modified applied_statuses applied_modified newest oldest newest_of_few oldest_of_few last_modified first_modified last_applied first_applied
-- lists: ids bigint, statuses text, schedule_ids bigint, engine_ids text, failure_reasons text
-- if: total
SELECT COUNT(*) AS jobs
-- if: tally
SELECT j.status || '' AS status,
-- if: tally
       CASE WHEN j.tasks_running + j.tasks_complete + j.tasks_failed + j.tasks_aborted > 0 THEN 1 ELSE 0 END AS started, CASE WHEN j.paused_at IS NULL THEN 0 ELSE 1 END AS paused, j.cancelled + 0 AS cancelled, COUNT(*) AS jobs
-- if: applied_tally
SELECT CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END AS status,
-- if: applied_tally
       CASE WHEN j.tasks_running + j.tasks_complete + j.tasks_failed + j.tasks_aborted > 0 THEN 1 ELSE 0 END AS started, CASE WHEN j.paused_at IS NULL THEN 0 ELSE 1 END AS paused, j.cancelled + 0 AS cancelled, COUNT(*) AS jobs
-- if: page
SELECT j.id,
-- if: newest
       j.id AS place
-- if: oldest
       j.id AS place
-- if: newest_of_few
       j.id AS place
-- if: oldest_of_few
       j.id AS place
-- if: last_modified
       j.modified_at AS place
-- if: first_modified
       j.modified_at AS place
-- if: last_applied
       COALESCE({covered_at:j}, j.modified_at) AS place
-- if: first_applied
       COALESCE({covered_at:j}, j.modified_at) AS place
FROM job j
-- if: of_ids
WHERE +j.organization_id = :organization_id AND j.id IN {ids}
-- if: not of_ids
WHERE j.organization_id = :organization_id
-- if: by_status
  AND j.status = :status
-- if: by_engine_set
  AND j.engine_set = :engine_set
-- if: by_target
  AND j.target_id = :target_id
-- if: by_name
  AND j.name = :name
-- if: of_name
  AND j.name || '' = :name
-- if: by_core
  AND j.core_id = :core_id
-- if: of_core
  AND COALESCE(j.core_id, '') = :core_id
-- if: by_schedule
  AND j.scheduled_job_id = :schedule_id
-- if: with_target
  AND j.target_id IS NOT NULL
-- if: of_with_target
  AND COALESCE(j.target_id, -1) >= 0
-- if: without_target
  AND CASE WHEN j.target_id IS NULL THEN 1 ELSE 0 END <> 0
-- if: with_schedule
  AND j.scheduled_job_id IS NOT NULL
-- if: of_with_schedule
  AND COALESCE(j.scheduled_job_id, -1) >= 0
-- if: without_schedule
  AND CASE WHEN j.scheduled_job_id IS NULL THEN 1 ELSE 0 END <> 0
-- if: created
  AND j.id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: modified
  AND j.modified_at BETWEEN :modified_from AND :modified_to
-- if: of_modified
  AND +j.modified_at BETWEEN :modified_from AND :modified_to
-- if: applied_modified
  AND COALESCE({covered_at:j}, j.modified_at) BETWEEN :modified_from AND :modified_to
-- if: of_statuses
  AND j.status || '' IN {statuses}
-- if: applied_statuses
  AND CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END IN {statuses}
-- if: of_schedules
  AND +j.scheduled_job_id IN {schedule_ids}
-- if: of_engines
  AND EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.engine_id IN {engine_ids} LIMIT 1 OFFSET 0)
-- if: by_failure
  AND (j.tasks_failed > 0 OR j.has_standby = 1)
-- if: of_failures
  AND EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.status = 'failed' AND t.failure_reason IN {failure_reasons} LIMIT 1 OFFSET 0)
-- if: by_paused
  AND j.paused_at IS NOT NULL
-- if: of_paused
  AND COALESCE(j.paused_at, -1) >= 0
-- if: all_live
  AND j.status IN ('pending', 'queued', 'running')
-- if: all_ended
  AND j.status IN ('complete', 'failed', 'aborted')
-- if: settled
  AND j.status <> 'running'
-- if: waiting
  AND j.status IN ('pending', 'queued')
-- if: live
  AND j.status || '' IN ('pending', 'queued', 'running')
-- if: applied_live
  AND CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END IN ('pending', 'queued', 'running')
-- if: newest
ORDER BY j.id DESC
-- if: oldest
ORDER BY j.id
-- if: newest_of_few
ORDER BY +j.id DESC
-- if: oldest_of_few
ORDER BY +j.id
-- if: last_modified
ORDER BY j.modified_at DESC, j.id DESC
-- if: first_modified
ORDER BY j.modified_at, j.id
-- if: last_applied
ORDER BY place DESC, j.id DESC
-- if: first_applied
ORDER BY place, j.id
-- if: tally
GROUP BY 1, 2, 3, 4
-- if: applied_tally
GROUP BY 1, 2, 3, 4
-- if: page
LIMIT :limit OFFSET :offset;

-- name: list_of_engine
-- The same for the jobs of one engine, directly from its index.
-- parts: total tally applied_tally page of_failures of_paused live applied_live filtered with_target without_target with_schedule without_schedule created of_statuses of_modified applied_statuses applied_modified newest oldest last_modified first_modified
-- lists: statuses text, failure_reasons text
-- if: total
SELECT COUNT(*) AS jobs
-- if: tally
SELECT j.status || '' AS status,
-- if: tally
       CASE WHEN j.tasks_running + j.tasks_complete + j.tasks_failed + j.tasks_aborted > 0 THEN 1 ELSE 0 END AS started, CASE WHEN j.paused_at IS NULL THEN 0 ELSE 1 END AS paused, j.cancelled + 0 AS cancelled, COUNT(*) AS jobs
-- if: applied_tally
SELECT CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END AS status,
-- if: applied_tally
       CASE WHEN j.tasks_running + j.tasks_complete + j.tasks_failed + j.tasks_aborted > 0 THEN 1 ELSE 0 END AS started, CASE WHEN j.paused_at IS NULL THEN 0 ELSE 1 END AS paused, j.cancelled + 0 AS cancelled, COUNT(*) AS jobs
-- if: newest
SELECT e.job_id AS id, e.job_id AS place
-- if: oldest
SELECT e.job_id AS id, e.job_id AS place
-- if: last_modified
SELECT e.job_id AS id, j.modified_at AS place
-- if: first_modified
SELECT e.job_id AS id, j.modified_at AS place
FROM job_engine e
-- if: filtered
JOIN job j ON {job_of_engine}
WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id
-- if: with_target
  AND COALESCE(j.target_id, -1) >= 0
-- if: without_target
  AND CASE WHEN j.target_id IS NULL THEN 1 ELSE 0 END <> 0
-- if: with_schedule
  AND COALESCE(j.scheduled_job_id, -1) >= 0
-- if: without_schedule
  AND CASE WHEN j.scheduled_job_id IS NULL THEN 1 ELSE 0 END <> 0
-- if: created
  AND e.job_id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: of_modified
  AND +j.modified_at BETWEEN :modified_from AND :modified_to
-- if: applied_modified
  AND COALESCE({covered_at:j}, j.modified_at) BETWEEN :modified_from AND :modified_to
-- if: of_statuses
  AND j.status IN {statuses}
-- if: applied_statuses
  AND CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END IN {statuses}
-- if: of_failures
  AND EXISTS (SELECT 1 FROM task t WHERE t.job_id = j.id AND t.status = 'failed' AND t.failure_reason IN {failure_reasons} LIMIT 1 OFFSET 0)
-- if: of_paused
  AND COALESCE(j.paused_at, -1) >= 0
-- if: live
  AND j.status IN ('pending', 'queued', 'running')
-- if: applied_live
  AND CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END IN ('pending', 'queued', 'running')
-- if: newest
ORDER BY e.job_id DESC
-- if: oldest
ORDER BY e.job_id
-- if: last_modified
ORDER BY j.modified_at DESC, e.job_id DESC
-- if: first_modified
ORDER BY j.modified_at, e.job_id
-- if: tally
GROUP BY 1, 2, 3, 4
-- if: applied_tally
GROUP BY 1, 2, 3, 4
-- if: page
LIMIT :limit OFFSET :offset;

-- name: engine_sets
-- The sets of engines of the organization's jobs that do not run, up to `most`, and 1 for those with one of these engines.
-- Each set is found from the one before, in the index, and one job of it says which engines it has.
-- lists: engine_ids text
WITH RECURSIVE known (engine_set) AS (
  SELECT (SELECT j.engine_set FROM job j WHERE j.organization_id = :organization_id AND j.status <> 'running'
          ORDER BY j.engine_set LIMIT 1)
  UNION ALL
  SELECT (SELECT j.engine_set FROM job j
          WHERE j.organization_id = :organization_id AND j.engine_set > known.engine_set AND j.status <> 'running'
          ORDER BY j.engine_set LIMIT 1)
  FROM known WHERE known.engine_set IS NOT NULL
)
SELECT known.engine_set,
       CASE WHEN EXISTS (
         SELECT 1 FROM job_engine e
         WHERE e.organization_id = :organization_id AND e.engine_id IN {engine_ids}
           AND e.job_id = (SELECT j.id FROM job j
                           WHERE j.organization_id = :organization_id AND j.engine_set = known.engine_set
                             AND j.status <> 'running' ORDER BY j.modified_at LIMIT 1)
         LIMIT 1 OFFSET 0) THEN 1 ELSE 0 END AS named
FROM known WHERE known.engine_set IS NOT NULL
LIMIT :most;

-- name: counts_by_status
-- How many jobs the organization has in each status by their rows, and how many open bulk cancels change that.
SELECT status, SUM(jobs),
       (SELECT COUNT(*) FROM barrier b WHERE b.organization_id = :organization_id AND b.settled_at IS NULL)
FROM job_count WHERE organization_id = :organization_id AND engine_id = '' AND reason = '' GROUP BY status;

-- name: lock_to_cancel
-- The current jobs, locked in key order. A job's own row counts its started tasks, so this one row decides.
-- `covered` must be a column and not a condition: for a covered job the result is that it was cancelled before.
-- rows: id bigint, organization_id bigint
SELECT j.id, j.organization_id, j.status, j.tasks_total, j.tasks_queued, j.tasks_running, j.tasks_complete, j.tasks_failed,
       j.tasks_aborted, j.completed_at, j.cancelled, j.stopping, {covered:j} AS covered, {listeners:j} AS listeners,
       j.tasks_ready, j.has_standby
FROM job j
WHERE (j.id, j.organization_id) IN (SELECT r.id, r.organization_id FROM {rows} r)
ORDER BY j.id
{for_update};

-- name: cancel
-- The rows are locked. From this commit on no task of the jobs starts: a claim reads `cancelled` under the row's lock.
-- lists: ids bigint
-- changes: job
UPDATE job
SET status = 'aborted', cancelled = 1, cancellable_since = NULL, aborted_at = :now, modified_at = :now
WHERE id IN {ids};

-- name: delete_documents
-- These statements delete all other rows of the jobs, and the jobs last. The jobs' rows are locked.
-- lists: ids bigint
DELETE FROM job_document WHERE job_id IN {ids};

-- name: delete_engines
-- Comes before the deletion of the tasks and jobs, which name the rows.
-- lists: ids bigint
DELETE FROM job_engine
WHERE organization_id IN (SELECT j.organization_id FROM job j WHERE j.id IN {ids})
  AND engine_id IN (SELECT t.engine_id FROM task t WHERE t.job_id IN {ids})
  AND job_id IN {ids};

-- name: delete_tasks
-- lists: ids bigint
DELETE FROM task WHERE job_id IN {ids};

-- name: delete_attempts
-- lists: ids bigint
DELETE FROM attempt WHERE job_id IN {ids};

-- name: delete_artifacts
-- lists: ids bigint
DELETE FROM artifact WHERE job_id IN {ids};

-- name: delete_events
-- lists: ids bigint
DELETE FROM event WHERE job_id IN {ids};

-- name: delete_jobs
-- lists: ids bigint
DELETE FROM job WHERE id IN {ids};

-- name: lock_to_delete
-- The jobs, locked in key order, and the bulk cancel that covers each; the deletion counts as applied by it.
-- lists: ids bigint
SELECT j.id, j.organization_id, j.status, j.scheduled_job_id, {covered_by:j} AS covered_by
FROM job j WHERE j.id IN {ids} ORDER BY j.id {for_update};

-- name: over_since
-- Ended jobs that have not changed since `before`, oldest first. The bound on the id keeps the scan short.
SELECT id FROM job
WHERE id < :before_id AND status IN ('complete', 'failed', 'aborted') AND modified_at < :before
ORDER BY id LIMIT :limit;

-- name: documents
-- The plans of the jobs. The jobs' rows are locked, or the plan is read for its own sake.
-- lists: ids bigint
SELECT job_id, document FROM job_document WHERE job_id IN {ids};

-- name: add_counts
-- Adds to the counts of organizations. The rows come in key order, so that two writers of one shard never deadlock.
-- rows: organization_id bigint, engine_id text, status text, reason text, backlog int, shard int, jobs bigint, tasks bigint
INSERT INTO job_count (organization_id, engine_id, status, reason, backlog, shard, jobs, tasks)
SELECT r.organization_id, r.engine_id, r.status, r.reason, r.backlog, r.shard, r.jobs, r.tasks FROM {rows} r WHERE true
ON CONFLICT (organization_id, engine_id, status, reason, backlog, shard) DO UPDATE SET
  jobs = job_count.jobs + excluded.jobs, tasks = job_count.tasks + excluded.tasks;

-- name: count_tasks
SELECT CAST(COALESCE(SUM(tasks), 0) AS BIGINT) FROM job_count
WHERE organization_id = :organization_id AND engine_id > '';

-- name: count_of_engine
SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) FROM job_count
WHERE organization_id = :organization_id AND engine_id = :engine_id;

-- name: count_of_failure
SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) FROM job_count
WHERE organization_id = :organization_id AND engine_id = '' AND status = 'failed' AND reason = :reason;

-- name: add_schedule_counts
-- Adds to the numbers of the jobs of schedules, in key order as above.
-- rows: organization_id bigint, schedule_id bigint, shard int, jobs bigint
INSERT INTO schedule_job_count (organization_id, schedule_id, shard, jobs)
SELECT r.organization_id, r.schedule_id, r.shard, r.jobs FROM {rows} r WHERE true
ON CONFLICT (organization_id, schedule_id, shard) DO UPDATE SET jobs = schedule_job_count.jobs + excluded.jobs;

-- name: lock_schedule_counts
-- The rows of these schedules, locked. Those that another transaction changes are left out, so that nobody waits for them.
-- rows: organization_id bigint, schedule_id bigint
SELECT c.organization_id, c.schedule_id, c.shard, c.jobs FROM schedule_job_count c
WHERE (c.organization_id, c.schedule_id) IN (SELECT r.organization_id, r.schedule_id FROM {rows} r)
{skip_locked};

-- name: delete_schedule_counts
-- The rows are locked.
-- rows: organization_id bigint, schedule_id bigint, shard int
-- changes: schedule_job_count
DELETE FROM schedule_job_count
WHERE (organization_id, schedule_id, shard) IN (SELECT r.organization_id, r.schedule_id, r.shard FROM {rows} r);

-- name: count_of_schedules
-- lists: schedule_ids bigint
SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) FROM schedule_job_count
WHERE organization_id = :organization_id AND schedule_id IN {schedule_ids};

-- name: count_with_schedule
SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) FROM schedule_job_count WHERE organization_id = :organization_id;

-- name: failed_tasks
-- How many tasks of these jobs, which are locked, have failed for each reason.
-- lists: ids bigint
SELECT job_id, failure_reason, COUNT(*) AS tasks FROM task
WHERE job_id IN {ids} AND status = 'failed' AND failure_reason <> ''
GROUP BY 1, 2;

-- name: task_counts
-- The numbers of an organization's tasks, of each kind, by what their rows say. `engine_id` '': those of cancelled jobs that
-- had not ended, and are shown as aborted.
SELECT engine_id, status, reason, backlog, CAST(SUM(tasks) AS BIGINT) AS tasks FROM job_count
WHERE organization_id = :organization_id GROUP BY engine_id, status, reason, backlog;

-- name: unended_tasks
-- How many tasks of these cancelled jobs, which are locked, have not ended and have no running attempt.
-- lists: ids bigint
SELECT j.organization_id, t.status,
       CASE WHEN t.status IN ('pending', 'queued') AND t.items_open > 0 THEN 1 ELSE 0 END AS backlog, COUNT(*) AS tasks
FROM job j JOIN task t ON t.job_id = j.id
WHERE j.id IN {ids} AND t.status NOT IN ('complete', 'failed', 'aborted') AND t.items_running = 0
  AND t.deleted_at IS NULL
GROUP BY 1, 2, 3;

-- name: mark_origins
-- Records the schedule, the slot and the template that each job comes from.
-- rows: id bigint, scheduled_job_id bigint, slot_at bigint, template_id bigint
UPDATE job SET scheduled_job_id = r.scheduled_job_id, slot_at = r.slot_at, template_id = r.template_id
FROM {rows} r
WHERE job.id = r.id;

-- name: mark_standbys
-- One of the tasks of each of these new jobs is a standby.
-- lists: ids bigint
UPDATE job SET has_standby = 1 WHERE id IN {ids};
