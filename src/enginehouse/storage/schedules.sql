-- name: reserve
-- The last of the next ids of one kind of thing; the first one ever is above `before_first`.
INSERT INTO server_fact (name, value)
VALUES (:name, CAST(CAST(:before_first AS BIGINT) + CAST(:count AS BIGINT) AS TEXT))
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(server_fact.value AS BIGINT) + CAST(:count AS BIGINT) AS TEXT)
RETURNING value;

-- name: insert
-- rows: id bigint, organization_id bigint, name text, description text, run_mode text, is_active int, is_public int, start_at bigint, stop_at bigint, timing text, rules text, document text, source_id bigint, anchor bigint, decided bigint, next_at bigint, created_by text, now bigint
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
-- The organization's schedules and the public ones of others among these.
-- lists: ids bigint
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);

-- name: keep_version
-- What the schedule was before the change that follows.
-- rows: schedule_id bigint, version bigint, document text, now bigint
INSERT INTO scheduled_job_version (schedule_id, version, document, replaced_at)
SELECT r.schedule_id, r.version, r.document, r.now FROM {rows} r;

-- name: last_version
SELECT version, document FROM scheduled_job_version WHERE schedule_id = :id ORDER BY version DESC LIMIT 1;

-- name: forget_version
DELETE FROM scheduled_job_version WHERE schedule_id = :id AND version >= :version;

-- name: update
-- rows: id bigint, name text, description text, run_mode text, is_active int, is_public int, start_at bigint, stop_at bigint, timing text, rules text, document text, source_id bigint, anchor bigint, decided bigint, next_at bigint, launched bigint, now bigint
UPDATE scheduled_job
SET name = r.name, description = r.description, run_mode = r.run_mode, is_active = r.is_active, is_public = r.is_public,
    start_at = r.start_at, stop_at = r.stop_at, timing = r.timing, rules = r.rules, document = r.document,
    source_id = r.source_id, anchor = r.anchor, decided = r.decided, next_at = r.next_at, launched = r.launched,
    version = scheduled_job.version + 1, modified_at = r.now
FROM {rows} r
WHERE scheduled_job.id = r.id;

-- name: delete
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
-- lists: ids bigint
SELECT schedule_id, template_id, pipeline_id FROM schedule_launch WHERE schedule_id IN {ids} ORDER BY schedule_id, position;

-- name: templates_of
-- What each of the schedules launches: its own templates, then those of its pipelines, stage by stage.
-- lists: ids bigint
SELECT l.schedule_id, t.id, t.version, l.position, 0 AS stage
FROM schedule_launch l JOIN job_template t ON t.id = l.template_id
WHERE l.schedule_id IN {ids}
UNION ALL
SELECT l.schedule_id, t.id, t.version, l.position, COALESCE(t.stage, 0) AS stage
FROM schedule_launch l JOIN job_template t ON t.pipeline_id = l.pipeline_id
WHERE l.schedule_id IN {ids} AND l.pipeline_id >= 0
ORDER BY 1, 4, 5, 2;

-- name: next_at
-- When the first of all schedules is to be looked at.
SELECT MIN(next_at) FROM scheduled_job WHERE next_at IS NOT NULL;

-- name: due
-- Schedules to be looked at by now, those that wait longest first.
SELECT id, version FROM scheduled_job WHERE next_at <= :now ORDER BY next_at, id LIMIT :limit;

-- name: lock_due
-- Those of the schedules that are still due, locked; one that another server holds is that server's.
-- lists: ids bigint
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE id IN {ids} AND next_at <= :now
ORDER BY id
{skip_locked};

-- name: live_jobs
-- The jobs of these schedules that have not ended.
-- lists: ids bigint
SELECT scheduled_job_id, id FROM job
WHERE scheduled_job_id IN {ids} AND scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running')
ORDER BY scheduled_job_id, id;

-- name: queued_slots
-- lists: ids bigint
SELECT schedule_id, slot FROM schedule_slot WHERE schedule_id IN {ids} AND outcome = 'queued' ORDER BY schedule_id, slot;

-- name: record_slots
-- What became of a slot. The key is what makes a slot fire once; only one that was queued may change, and then fires.
-- rows: schedule_id bigint, slot bigint, outcome text, last_slot bigint, slots bigint, reason text, version bigint, decided_at bigint
INSERT INTO schedule_slot (schedule_id, slot, outcome, last_slot, slots, reason, version, decided_at)
SELECT r.schedule_id, r.slot, r.outcome, r.last_slot, r.slots, r.reason, r.version, r.decided_at FROM {rows} r WHERE true
ON CONFLICT (schedule_id, slot) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason, decided_at = excluded.decided_at
WHERE schedule_slot.outcome = 'queued';

-- name: drop_queued
-- Slots that waited and are waited for no longer.
-- rows: schedule_id bigint, reason text, now bigint
UPDATE schedule_slot SET outcome = 'skipped', reason = r.reason, decided_at = r.now
FROM {rows} r
WHERE schedule_slot.schedule_id = r.schedule_id AND schedule_slot.outcome = 'queued';

-- name: move
-- The cursors have moved on.
-- rows: id bigint, decided bigint, next_at bigint, launched bigint, fired bigint, skipped bigint, run_mode text
UPDATE scheduled_job
SET decided = r.decided, next_at = r.next_at, launched = scheduled_job.launched + r.launched,
    fired = scheduled_job.fired + r.fired, skipped = scheduled_job.skipped + r.skipped, run_mode = r.run_mode
FROM {rows} r
WHERE scheduled_job.id = r.id;

-- name: mark_jobs
-- The jobs say which schedule, slot and template they come from.
-- rows: id bigint, scheduled_job_id bigint, slot_at bigint, template_id bigint
UPDATE job SET scheduled_job_id = r.scheduled_job_id, slot_at = r.slot_at, template_id = r.template_id
FROM {rows} r
WHERE job.id = r.id;

-- name: slots
-- What became of a schedule's slots, the latest first.
SELECT slot, outcome, last_slot, slots, reason, version, decided_at FROM schedule_slot
WHERE schedule_id = :id AND slot < :before
ORDER BY slot DESC
LIMIT :limit;

-- name: count
-- How many schedules the organization has.
SELECT COUNT(*) FROM scheduled_job WHERE organization_id = :organization_id;

-- name: all_of
-- Every schedule of the organization, and the public ones of others: the pages are made of these in memory, since each
-- filter looks into the parts.
SELECT id, organization_id, name, description, run_mode, is_active, is_public, start_at, stop_at, timing, rules, document,
       source_id, version, anchor, decided, next_at, launched, fired, skipped, created_by, created_at, modified_at
FROM scheduled_job
WHERE organization_id = :organization_id OR is_public = 1
ORDER BY id;

-- name: busy
-- lists: ids bigint
SELECT DISTINCT scheduled_job_id FROM job
WHERE scheduled_job_id IN {ids} AND scheduled_job_id IS NOT NULL AND status IN ('pending', 'queued', 'running');

-- name: owned_templates
-- Those of the templates that are the organization's.
-- lists: ids bigint
SELECT id FROM job_template WHERE id IN {ids} AND organization_id = :organization_id;

-- name: usable_pipelines
-- Those of the pipelines that the organization may launch.
-- lists: ids bigint
SELECT id FROM job_pipeline WHERE id IN {ids} AND (organization_id = :organization_id OR is_public = 1);
