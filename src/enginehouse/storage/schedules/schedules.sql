-- name: insert
-- Inserts schedules.
-- rows: id bigint, organization_id bigint, name text, description text, run_mode text, is_active int, is_public int, start_at bigint, stop_at bigint, timing text, rules text, document document, source_id bigint, anchor bigint, decided bigint, next_at bigint, created_by text, now bigint
INSERT INTO scheduled_job (id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing,
                           rules, document, source_id, anchor, decided, next_at, created_by, created_at, modified_at)
SELECT r.id, r.organization_id, r.name, r.description, r.run_mode, r.is_active, r.is_public, r.start_at, r.stop_at,
       r.timing, r.rules, r.document, r.source_id, r.anchor, r.decided, r.next_at, r.created_by, r.now, r.now
FROM {rows} r;

-- name: lock
-- The organization's schedule, locked.
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE id = :id AND organization_id = :organization_id
{for_update};

-- name: by_ids
-- Those of these schedules that are the organization's own or public.
-- lists: ids bigint
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);

-- name: keep_version
-- Stores the schedule before a change.
-- rows: schedule_id bigint, version bigint, document document, now bigint
INSERT INTO scheduled_job_version (schedule_id, version, document, replaced_at)
SELECT r.schedule_id, r.version, r.document, r.now FROM {rows} r;

-- name: last_version
-- The schedule before its last change.
SELECT version, document FROM scheduled_job_version WHERE schedule_id = :id ORDER BY version DESC LIMIT 1;

-- name: forget_version
-- The schedule was restored to this version, so the stored copies of this version and of later ones are deleted.
DELETE FROM scheduled_job_version WHERE schedule_id = :id AND version >= :version;

-- name: update
-- The row is locked. The version rises, so that a launch that was planned for the old version does not fire.
-- rows: id bigint, name text, description text, run_mode text, is_active int, is_public int, start_at bigint, stop_at bigint, timing text, rules text, document document, source_id bigint, anchor bigint, decided bigint, next_at bigint, launched bigint, now bigint
UPDATE scheduled_job
SET name = r.name, description = r.description, run_mode = r.run_mode, is_active = r.is_active, is_public = r.is_public,
    start_at = r.start_at, stop_at = r.stop_at, timing = r.timing, rules = r.rules, document = r.document,
    source_id = r.source_id, anchor = r.anchor, decided = r.decided, next_at = r.next_at, launched = r.launched,
    version = scheduled_job.version + 1, modified_at = r.now
FROM {rows} r
WHERE scheduled_job.id = r.id;

-- name: delete
-- Deletes the schedules. Their jobs stay, and keep the schedule's id.
-- lists: ids bigint
DELETE FROM scheduled_job WHERE id IN {ids};

-- name: delete_slots
-- lists: ids bigint
DELETE FROM schedule_slot WHERE schedule_id IN {ids};

-- name: delete_versions
-- lists: ids bigint
DELETE FROM scheduled_job_version WHERE schedule_id IN {ids};

-- name: delete_launches
-- lists: ids bigint
DELETE FROM schedule_launch WHERE schedule_id IN {ids};

-- name: delete_content
-- lists: ids bigint
DELETE FROM content_template WHERE schedule_id IN {ids};

-- name: insert_launches
-- rows: schedule_id bigint, position int, template_id bigint, pipeline_id bigint
INSERT INTO schedule_launch (schedule_id, position, template_id, pipeline_id)
SELECT r.schedule_id, r.position, r.template_id, r.pipeline_id FROM {rows} r;

-- name: launches
-- What each schedule launches directly, in its order.
-- lists: ids bigint
SELECT schedule_id, template_id, pipeline_id FROM schedule_launch WHERE schedule_id IN {ids} ORDER BY schedule_id, position;

-- name: contents
-- What the organization may read of what a schedule launches, in order: its direct templates (`pipeline_id` is -1), and
-- then those of its pipelines, stage by stage, each with the engines of its tasks.
SELECT c.pipeline_id, c.template_id, k.engine_id
FROM (SELECT 0 AS part, l.position, -1 AS pipeline_id, 0 AS stage, t.id AS template_id
      FROM schedule_launch l JOIN job_template t ON t.id = l.template_id
      WHERE l.schedule_id = :id
        AND (t.organization_id = :organization_id
             OR EXISTS (SELECT 1 FROM job_pipeline p WHERE p.id = t.pipeline_id AND p.is_public = 1))
      UNION ALL
      SELECT 1 AS part, l.position, p.id AS pipeline_id, COALESCE(t.stage, 0) AS stage, t.id AS template_id
      FROM schedule_launch l
      JOIN job_pipeline p ON p.id = l.pipeline_id AND (p.organization_id = :organization_id OR p.is_public = 1)
      LEFT JOIN job_template t ON t.pipeline_id = p.id AND (t.organization_id = :organization_id OR p.is_public = 1)
      WHERE l.schedule_id = :id AND l.pipeline_id >= 0) c
LEFT JOIN task_template k ON k.template_id = c.template_id
ORDER BY c.part, c.position, c.stage, c.template_id, k.ordinal;

-- name: templates_of
-- The templates that each schedule launches, directly or in a pipeline, in the order of its launches; those of a
-- pipeline stage by stage. A pipeline of another organization is launched as long as it is public.
-- lists: ids bigint
SELECT l.schedule_id, t.id, t.version, s.organization_id, l.position, 0 AS stage
FROM schedule_launch l
JOIN scheduled_job s ON s.id = l.schedule_id
JOIN job_template t ON t.id = l.template_id
WHERE l.schedule_id IN {ids}
UNION ALL
SELECT l.schedule_id, t.id, t.version, s.organization_id, l.position, COALESCE(t.stage, 0) AS stage
FROM schedule_launch l
JOIN scheduled_job s ON s.id = l.schedule_id
JOIN job_pipeline p ON p.id = l.pipeline_id AND (p.organization_id = s.organization_id OR p.is_public = 1)
JOIN job_template t ON t.pipeline_id = p.id AND t.organization_id = p.organization_id
WHERE l.schedule_id IN {ids} AND l.pipeline_id >= 0
ORDER BY 1, 5, 6, 2;

-- name: next_at
-- The earliest time at which a schedule is due.
SELECT MIN(next_at) AS next_at FROM scheduled_job WHERE next_at IS NOT NULL;

-- name: due
-- The schedules that are due, the longest overdue first.
SELECT id, version FROM scheduled_job WHERE next_at <= :now ORDER BY next_at, id LIMIT :limit;

-- name: let_go_soon
-- A server that stops in the middle of a round blocks its schedules for other servers at most this long.
-- only: postgres
SET LOCAL idle_in_transaction_session_timeout = 2000;

-- name: lock_due
-- The schedules that are still due, locked; those that another server holds are skipped. `next_at` is checked again
-- under the lock, because another server may have fired them meanwhile.
-- lists: ids bigint
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE id IN {ids} AND next_at <= :now
ORDER BY id
{skip_locked};

-- name: live_jobs
-- The jobs of these schedules that have not ended. The condition IS NOT NULL must be written out: only then PostgreSQL
-- uses the partial index.
-- lists: ids bigint
SELECT scheduled_job_id, id FROM job
WHERE scheduled_job_id IN {ids} AND scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running')
ORDER BY scheduled_job_id, id;

-- name: queued_slots
-- The slots that wait for a run to end.
-- lists: ids bigint
SELECT schedule_id, slot FROM schedule_slot WHERE schedule_id IN {ids} AND outcome = 'queued' ORDER BY schedule_id, slot;

-- name: record_slots
-- Records the outcome of slots. The primary key ensures that a slot fires once; only a queued slot may change.
-- rows: schedule_id bigint, slot bigint, outcome text, last_slot bigint, slots bigint, reason text, version bigint, decided_at bigint
INSERT INTO schedule_slot (schedule_id, slot, outcome, last_slot, slots, reason, version, decided_at)
SELECT r.schedule_id, r.slot, r.outcome, r.last_slot, r.slots, r.reason, r.version, r.decided_at FROM {rows} r WHERE true
ON CONFLICT (schedule_id, slot) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
WHERE schedule_slot.outcome = 'queued';

-- name: drop_queued
-- Records all queued slots of the schedule as skipped.
-- rows: schedule_id bigint, reason text, now bigint
UPDATE schedule_slot SET outcome = 'skipped', reason = r.reason, decided_at = r.now
FROM {rows} r
WHERE schedule_slot.schedule_id = r.schedule_id AND schedule_slot.outcome = 'queued';

-- name: move
-- Moves the cursors. It runs in the transaction that records the slots and creates their jobs, so that no slot is lost
-- and none fires twice. The statement adds to the sums and never sets them.
-- rows: id bigint, decided bigint, next_at bigint, launched bigint, fired bigint, skipped bigint, run_mode text
UPDATE scheduled_job
SET decided = r.decided, next_at = r.next_at, launched = scheduled_job.launched + r.launched,
    fired = scheduled_job.fired + r.fired, skipped = scheduled_job.skipped + r.skipped, run_mode = r.run_mode
FROM {rows} r
WHERE scheduled_job.id = r.id;

-- name: slots
-- The records of a schedule's slots, the latest first.
SELECT slot, outcome, last_slot, slots, reason, version, decided_at FROM schedule_slot
WHERE schedule_id = :id AND slot < :before
ORDER BY slot DESC
LIMIT :limit;

-- name: count
-- How many schedules the organization has.
SELECT COUNT(*) AS total FROM scheduled_job WHERE organization_id = :organization_id;

-- name: sought
-- The organization's schedules, and the public ones of others, that pass every filter, by id. Filters by name or part
-- and other orders are done in memory, so that both databases treat letters alike.
-- lists: ids bigint, source_ids bigint, source_type_ids bigint
SELECT s.id, s.name, s.run_mode, s.is_active, s.start_at, s.stop_at, s.created_at, s.modified_at,
       CASE WHEN :with_timing = 1 THEN s.timing END AS timing
FROM scheduled_job s
WHERE (s.organization_id = :organization_id OR s.is_public = 1 AND :own = 0)
  AND (:any_id = 1 OR s.id IN {ids})
  AND (CAST(:run_mode AS TEXT) IS NULL OR s.run_mode = :run_mode)
  AND (CAST(:is_active AS INTEGER) IS NULL OR s.is_active = :is_active)
  AND (s.start_at BETWEEN :start_at_first AND :start_at_last OR s.start_at IS NULL AND :start_at_empty = 1)
  AND (s.stop_at BETWEEN :stop_at_first AND :stop_at_last OR s.stop_at IS NULL AND :stop_at_empty = 1)
  AND s.created_at BETWEEN :created_at_first AND :created_at_last
  AND s.modified_at BETWEEN :modified_at_first AND :modified_at_last
  AND (:any_source = 1 OR s.source_id IN {source_ids})
  AND (:any_source_type = 1
       OR s.source_id IN (SELECT o.id FROM source o
                          WHERE o.source_type_id IN {source_type_ids}
                            AND (o.organization_id = :organization_id OR o.is_public = 1)))
  AND (CAST(:has_template AS INTEGER) IS NULL
       OR EXISTS (SELECT 1 FROM schedule_launch l WHERE l.schedule_id = s.id) = (:has_template = 1))
  AND (CAST(:has_live_jobs AS INTEGER) IS NULL
       OR EXISTS (SELECT 1 FROM job j
                  WHERE j.scheduled_job_id = s.id AND j.scheduled_job_id IS NOT NULL
                    AND j.status IN ('pending', 'queued', 'running')) = (:has_live_jobs = 1))
ORDER BY s.id * :direction
LIMIT :limit OFFSET :offset;

-- name: with_engines
-- The organization's templates with a task of one of these engines.
-- lists: engine_ids text
SELECT DISTINCT template_id FROM task_template WHERE organization_id = :organization_id AND engine_id IN {engine_ids};

-- name: template_documents
-- All templates of the organization, for a search in memory.
SELECT id, document FROM job_template WHERE organization_id = :organization_id;

-- name: launching
-- The schedules that launch one of these templates, directly or with its pipeline.
-- lists: template_ids bigint
SELECT l.schedule_id FROM schedule_launch l WHERE l.template_id IN {template_ids} AND l.template_id >= 0
UNION
SELECT l.schedule_id
FROM job_template t JOIN schedule_launch l ON l.pipeline_id = t.pipeline_id
WHERE t.id IN {template_ids} AND t.pipeline_id IS NOT NULL AND l.pipeline_id >= 0;

-- name: owned_templates
-- Those of these templates that are the organization's, locked: none is deleted while it is added to a schedule.
-- lists: ids bigint
SELECT id FROM job_template WHERE id IN {ids} AND organization_id = :organization_id ORDER BY id {for_update};

-- name: usable_pipelines
-- Those of these pipelines that the organization may launch, locked.
-- lists: ids bigint
SELECT id FROM job_pipeline
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1)
ORDER BY id
{for_update};

-- name: usual_runs
-- The average time (µs) of the last complete runs of each schedule; NULL if it has none.
-- lists: ids bigint
SELECT s.id,
       (SELECT CAST(AVG(r.took) AS BIGINT)
        FROM (SELECT j.completed_at - j.started_at AS took FROM job j
              WHERE j.scheduled_job_id = s.id AND j.scheduled_job_id IS NOT NULL
                AND j.organization_id = s.organization_id AND j.status = 'complete' AND j.started_at IS NOT NULL
              ORDER BY j.id DESC LIMIT 20) r) AS took
FROM scheduled_job s
WHERE s.id IN {ids};

-- name: last_jobs
-- The newest job of each schedule for one organization, as JSON: its id, its status, and when it was created; NULL if none.
-- lists: ids bigint
SELECT s.id,
       CAST((SELECT {tuple_of}(j.id, CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END, j.created_at) FROM job j
             WHERE j.scheduled_job_id = s.id AND j.scheduled_job_id IS NOT NULL AND j.organization_id = :organization_id
             ORDER BY j.id DESC LIMIT 1) AS TEXT) AS last_job
FROM scheduled_job s
WHERE s.id IN {ids};

-- name: runs
-- The same of one schedule, with the average time (µs) of its last complete runs; NULL if it has none.
SELECT (SELECT CAST(AVG(r.took) AS BIGINT)
        FROM (SELECT j.completed_at - j.started_at AS took FROM job j
              WHERE j.scheduled_job_id = s.id AND j.scheduled_job_id IS NOT NULL
                AND j.organization_id = s.organization_id AND j.status = 'complete' AND j.started_at IS NOT NULL
              ORDER BY j.id DESC LIMIT 20) r) AS took,
       CAST((SELECT {tuple_of}(j.id, CASE WHEN {covered:j} THEN 'aborted' ELSE j.status END, j.created_at) FROM job j
             WHERE j.scheduled_job_id = s.id AND j.scheduled_job_id IS NOT NULL AND j.organization_id = :organization_id
             ORDER BY j.id DESC LIMIT 1) AS TEXT) AS last_job
FROM scheduled_job s
WHERE s.id = :id;

-- name: cancellable_jobs
-- The schedule's jobs after this one, created by `until`, that have not ended; in key order.
SELECT id FROM job
WHERE scheduled_job_id = :id AND scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running')
  AND organization_id = :organization_id AND id > :after AND created_at <= :until
ORDER BY id
LIMIT :limit;

-- name: slot_jobs
-- The jobs that the slots from the first to the last have started. No job has an id before its slot.
SELECT slot_at, id FROM job
WHERE scheduled_job_id = :id AND scheduled_job_id IS NOT NULL AND organization_id = :organization_id
  AND id >= :earliest AND slot_at BETWEEN :first AND :last
ORDER BY id;

-- name: pending_changes
-- How many jobs of schedules were created (1), left pending (2) and ended (3), by run mode and by the first mark at or
-- after that time. Marks are `step` apart; 0 is everything up to the first one.
SELECT c.run_mode, c.what, c.mark, COUNT(*) AS jobs
FROM (SELECT s.run_mode, 1 AS what,
             CASE WHEN j.created_at <= :first THEN 0 ELSE (j.created_at - :first + :step - 1) / :step END AS mark
      FROM job j JOIN scheduled_job s ON s.id = j.scheduled_job_id
      WHERE j.organization_id = :organization_id AND j.scheduled_job_id IS NOT NULL AND j.created_at <= :last
      UNION ALL
      SELECT s.run_mode, 2,
             CASE WHEN j.began <= :first THEN 0 ELSE (j.began - :first + :step - 1) / :step END
      FROM (SELECT scheduled_job_id, COALESCE(started_at, completed_at, aborted_at) AS began FROM job
            WHERE organization_id = :organization_id AND scheduled_job_id IS NOT NULL) j
      JOIN scheduled_job s ON s.id = j.scheduled_job_id
      WHERE j.began <= :last
      UNION ALL
      SELECT s.run_mode, 3,
             CASE WHEN j.ended <= :first THEN 0 ELSE (j.ended - :first + :step - 1) / :step END
      FROM (SELECT scheduled_job_id, COALESCE(completed_at, aborted_at) AS ended FROM job
            WHERE organization_id = :organization_id AND scheduled_job_id IS NOT NULL) j
      JOIN scheduled_job s ON s.id = j.scheduled_job_id
      WHERE j.ended <= :last) c
GROUP BY c.run_mode, c.what, c.mark;
