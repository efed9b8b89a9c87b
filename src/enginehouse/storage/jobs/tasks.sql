-- name: list
-- The tasks of an organization's jobs (`page`), or how many there are: all (`total`), or of each status, engine, reason
-- of a failure, and mark in time (`tally`). A deleted task is in no list. One filter drives the list: it finds the jobs,
-- in the order of the list. `by_status`: the status of the job. `with_failures` also finds jobs with a standby,
-- `partly_ended` jobs that wait though a task has ended, `partly_complete`, `partly_aborted` and `partly_queued` other
-- jobs that can have a complete, an aborted or a pending task. `unended`: the rows that do not say that the task has ended; that of a cancelled job may be
-- one. CROSS JOIN keeps SQLite from beginning with the tasks.
-- parts: page total tally tally_by_mark unended of_ids of_ordinal by_status by_target of_target by_source with_failures partly_ended partly_complete partly_aborted partly_queued of_job_statuses created newest oldest last_modified first_modified of_statuses of_engines of_reasons without_reasons in_backlog not_in_backlog claimable not_claimable modified
-- lists: ids bigint, job_statuses text, statuses text, engine_ids text, reasons text
-- if: total
SELECT COUNT(*) AS tasks
-- if: tally
SELECT {task_status:j} AS word, t.engine_id, CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END AS reason, 0 AS mark, COUNT(*) AS tasks
-- if: tally_by_mark
SELECT {task_status:j} AS word, t.engine_id, CASE WHEN t.status = 'failed' THEN COALESCE(t.failure_reason, '') ELSE '' END AS reason, (j.created_at - :first_mark) / :step AS mark, COUNT(*) AS tasks
-- if: page
SELECT j.id, t.ordinal, {task_changed_at:j} AS changed_at
FROM job j CROSS JOIN task t
WHERE {task_of_job} AND t.deleted_at IS NULL
-- if: of_ids
  AND +j.organization_id = :organization_id AND j.id IN {ids}
-- if: not of_ids
  AND j.organization_id = :organization_id
-- if: of_ordinal
  AND t.ordinal = :ordinal
-- if: by_status
  AND j.status = :job_status
-- if: by_target
  AND j.target_id = :target_id
-- if: of_target
  AND COALESCE(j.target_id, -1) = :target_id
-- if: by_source
  AND j.target_id IN (SELECT x.id FROM target x WHERE x.source_id = :source_id AND x.organization_id = :organization_id)
-- if: with_failures
  AND (j.tasks_failed > 0 OR j.has_standby = 1)
-- if: partly_ended
  AND j.status IN ('pending', 'queued') AND (j.cancellable_since IS NULL OR j.retry_of IS NOT NULL)
-- if: partly_complete
  AND (j.tasks_complete > 0 OR j.retry_of IS NOT NULL) AND CASE WHEN j.status = 'failed' OR j.status = 'aborted' THEN 1 ELSE 0 END = 1
-- if: partly_aborted
  AND j.status <> 'aborted' AND (j.tasks_aborted > 0 OR j.has_standby = 1 OR j.cancelled = 1)
-- if: partly_queued
  AND CASE WHEN j.status = 'queued' AND j.tasks_total - j.tasks_queued + j.has_standby > 0 THEN 1 ELSE 0 END = 1
-- if: unended
  AND t.ended_at IS NULL
-- if: of_job_statuses
  AND j.status || '' IN {job_statuses}
-- if: created
  AND j.id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: of_statuses
  AND {task_status:j} IN {statuses}
-- if: of_engines
  AND t.engine_id IN {engine_ids}
-- if: of_reasons
  AND t.status = 'failed' AND t.failure_reason IN {reasons}
-- if: without_reasons
  AND t.status = 'failed' AND COALESCE(t.failure_reason, '') NOT IN {reasons}
-- if: in_backlog
  AND t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted'
-- if: not_in_backlog
  AND NOT (t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted')
-- if: claimable
  AND EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted'
-- if: not_claimable
  AND NOT (EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted')
-- if: modified
  AND {task_changed_at:j} BETWEEN :modified_from AND :modified_to
-- if: newest
ORDER BY j.id DESC, t.ordinal DESC
-- if: oldest
ORDER BY j.id, t.ordinal
-- if: last_modified
ORDER BY changed_at DESC, j.id DESC, t.ordinal DESC
-- if: first_modified
ORDER BY changed_at, j.id, t.ordinal
-- if: tally
GROUP BY 1, 2, 3
-- if: tally_by_mark
GROUP BY 1, 2, 3, 4
-- if: page
LIMIT :limit OFFSET :offset;

-- name: claimable
-- How many tasks have an item that may be claimed, of each pool directly from the index of the lanes. A cancelled job has
-- none. The plus signs keep SQLite from walking through all items in the order of their keys.
-- lists: pools text
SELECT COUNT(*) AS tasks FROM (
  SELECT DISTINCT +w.job_id, +w.ordinal FROM work_item w
  WHERE w.pool IN {pools} AND w.organization_id = :organization_id AND w.lease_until IS NULL AND w.held = 0) t;

-- name: claimable_page
-- The tasks that have an item which may be claimed, and when they changed, in the order of the list: those of the jobs of
-- these ids; or all, directly from the index of the lanes and sorted (`of_lanes`). The plus signs keep them from being read
-- in the order of their keys.
-- parts: of_lanes newest oldest
-- lists: pools text
SELECT i.job_id, i.ordinal, (SELECT t.modified_at FROM task t WHERE t.job_id = i.job_id AND t.ordinal = i.ordinal) AS changed_at
-- if: of_lanes
FROM (SELECT DISTINCT +w.job_id AS job_id, +w.ordinal AS ordinal
-- if: not of_lanes
FROM (SELECT DISTINCT w.job_id, w.ordinal
      FROM work_item w
      WHERE w.organization_id = :organization_id AND w.lease_until IS NULL AND w.held = 0
-- if: of_lanes
        AND w.pool IN {pools}
-- if: not of_lanes
        AND w.job_id BETWEEN :first_id AND :last_id
-- if: newest
      ORDER BY 1 DESC, 2 DESC
-- if: oldest
      ORDER BY 1, 2
      LIMIT :limit OFFSET :offset) i
-- if: newest
ORDER BY i.job_id DESC, i.ordinal DESC
-- if: oldest
ORDER BY i.job_id, i.ordinal;

-- name: item_at
-- The job of the item at this place among those of all organizations, from the oldest or the newest job on.
-- parts: newest oldest
SELECT w.job_id FROM work_item w
-- if: newest
ORDER BY w.job_id DESC, w.ordinal DESC, w.item DESC
-- if: oldest
ORDER BY w.job_id, w.ordinal, w.item
LIMIT 1 OFFSET :place;

-- name: held_jobs
-- The jobs with an item that is held, no more than the limit.
SELECT DISTINCT w.job_id FROM work_item w WHERE w.organization_id = :organization_id AND w.held > 0 LIMIT :limit;

-- name: leased
-- How many tasks have a running attempt, and how many of these also have an item that may be claimed. The plus signs keep
-- SQLite from walking through all items in the order of their keys.
SELECT COUNT(*) AS leased, COUNT(CASE WHEN EXISTS (
    SELECT 1 FROM work_item f
    WHERE f.job_id = l.job_id AND f.ordinal = l.ordinal AND f.lease_until IS NULL AND f.held = 0 LIMIT 1 OFFSET 0)
  THEN 1 END) AS claimable
FROM (SELECT DISTINCT +w.job_id AS job_id, +w.ordinal AS ordinal FROM work_item w
      WHERE w.lease_until > 0 AND +w.organization_id = :organization_id) l;

-- name: held
-- How many tasks have only items that are held.
SELECT COUNT(*) AS held
FROM (SELECT DISTINCT w.job_id, w.ordinal FROM work_item w WHERE w.organization_id = :organization_id AND w.held > 0) h
WHERE NOT EXISTS (
    SELECT 1 FROM work_item f
    WHERE f.job_id = h.job_id AND f.ordinal = h.ordinal AND (f.lease_until IS NOT NULL OR f.held = 0) LIMIT 1 OFFSET 0);

-- name: list_of_engine
-- The same for the tasks of one engine, directly from its index.
-- parts: page total unended created newest oldest last_modified first_modified of_statuses in_backlog not_in_backlog claimable not_claimable modified
-- lists: statuses text
-- if: total
SELECT COUNT(*) AS tasks
-- if: page
SELECT j.id, t.ordinal, {task_changed_at:j} AS changed_at
FROM job_engine e CROSS JOIN job j CROSS JOIN task t
WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id
  AND {job_of_engine} AND {task_of_job} AND t.engine_id = :engine_id AND t.deleted_at IS NULL
-- if: unended
  AND t.ended_at IS NULL
-- if: created
  AND e.job_id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: of_statuses
  AND {task_status:j} IN {statuses}
-- if: in_backlog
  AND t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted'
-- if: not_in_backlog
  AND NOT (t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted')
-- if: claimable
  AND EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted'
-- if: not_claimable
  AND NOT (EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted')
-- if: modified
  AND {task_changed_at:j} BETWEEN :modified_from AND :modified_to
-- if: newest
ORDER BY e.job_id DESC, t.ordinal DESC
-- if: oldest
ORDER BY e.job_id, t.ordinal
-- if: last_modified
ORDER BY changed_at DESC, j.id DESC, t.ordinal DESC
-- if: first_modified
ORDER BY changed_at, j.id, t.ordinal
-- if: page
LIMIT :limit OFFSET :offset;

-- name: ended
-- The tasks of one engine that have ended in one way, directly from their index (`page`), or how many there are (`total`).
-- parts: page total created of_reasons without_reasons last_modified first_modified
-- lists: reasons text
-- if: total
SELECT COUNT(*) AS tasks
-- if: page
SELECT t.job_id, t.ordinal, t.ended_at
FROM task t
WHERE t.organization_id = :organization_id AND t.engine_id = :engine_id AND t.ended_as = :ended_as
  AND t.ended_at IS NOT NULL AND t.deleted_at IS NULL AND t.ended_at BETWEEN :modified_from AND :modified_to
-- if: created
  AND t.job_id BETWEEN :first_id AND :last_id
-- if: created
  AND EXISTS (SELECT 1 FROM job j WHERE j.id = t.job_id AND j.created_at BETWEEN :created_from AND :created_to LIMIT 1 OFFSET 0)
-- if: of_reasons
  AND t.failure_reason IN {reasons}
-- if: without_reasons
  AND COALESCE(t.failure_reason, '') NOT IN {reasons}
-- if: last_modified
ORDER BY t.ended_at DESC, t.job_id DESC, t.ordinal DESC
-- if: first_modified
ORDER BY t.ended_at, t.job_id, t.ordinal
-- if: page
LIMIT :limit;

-- name: unended
-- The tasks that changed in this time and whose rows do not say that they have ended. `by_status`, `by_engine`: in jobs that
-- were created then (`first_id` to `last_id`) and have not ended, of this status or with this engine; `waiting`, `running`:
-- in jobs that were created before, and changed since; `cancelled`: in jobs that were cancelled then; `cancelled_before`:
-- in jobs that were cancelled then and have changed later. No job is in two of them.
-- parts: page total by_status by_engine waiting running cancelled cancelled_before of_statuses of_engines in_backlog not_in_backlog claimable not_claimable last_modified first_modified
-- lists: statuses text, engine_ids text
-- if: total
SELECT COUNT(*) AS tasks
-- if: page
SELECT j.id, t.ordinal, {task_changed_at:j} AS changed_at
FROM
-- if: by_engine
  job_engine e CROSS JOIN
-- if: waiting
  {changed_while_waiting} j
-- if: not waiting
  job j
  CROSS JOIN task t
-- if: by_engine
WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id AND e.job_id BETWEEN :first_id AND :last_id
-- if: by_engine
  AND {job_of_engine} AND j.status IN ('pending', 'queued', 'running') AND t.engine_id = :engine_id
-- if: not by_engine
WHERE j.organization_id = :organization_id
-- if: by_status
  AND j.status = :job_status AND j.id BETWEEN :first_id AND :last_id
-- if: running
  AND j.status = 'running' AND j.modified_at >= :modified_from AND +j.id < :first_id
-- if: cancelled
  AND j.status = 'aborted' AND j.modified_at BETWEEN :modified_from AND :modified_to
-- if: cancelled_before
  AND CASE WHEN j.modified_at > j.aborted_at THEN 1 ELSE 0 END = 1 AND j.status || '' = 'aborted' AND j.aborted_at BETWEEN :modified_from AND :modified_to AND j.modified_at > :modified_to
  AND {task_of_job} AND t.ended_at IS NULL AND t.deleted_at IS NULL
  AND {task_changed_at:j} BETWEEN :modified_from AND :modified_to
-- if: of_statuses
  AND {task_status:j} IN {statuses}
-- if: of_engines
  AND t.engine_id IN {engine_ids}
-- if: in_backlog
  AND t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted'
-- if: not_in_backlog
  AND NOT (t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted')
-- if: claimable
  AND EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted'
-- if: not_claimable
  AND NOT (EXISTS (SELECT 1 FROM work_item w WHERE w.job_id = t.job_id AND w.ordinal = t.ordinal AND w.lease_until IS NULL AND w.held = 0 LIMIT 1 OFFSET 0) AND {task_status:j} <> 'aborted')
-- if: last_modified
ORDER BY changed_at DESC, j.id DESC, t.ordinal DESC
-- if: first_modified
ORDER BY changed_at, j.id, t.ordinal
-- if: page
LIMIT :limit;

-- name: unended_jobs
-- How many jobs the statement above looks at, no more than the limit.
-- parts: by_status by_engine running cancelled cancelled_before
SELECT COUNT(*) AS jobs
-- if: by_engine
FROM (SELECT e.job_id FROM job_engine e
-- if: not by_engine
FROM (SELECT j.id FROM job j
-- if: by_engine
WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id AND e.job_id BETWEEN :first_id AND :last_id
-- if: not by_engine
WHERE j.organization_id = :organization_id
-- if: by_status
  AND j.status = :job_status AND j.id BETWEEN :first_id AND :last_id
-- if: running
  AND j.status = 'running' AND j.modified_at >= :modified_from AND +j.id < :first_id
-- if: cancelled
  AND j.status = 'aborted' AND j.modified_at BETWEEN :modified_from AND :modified_to
-- if: cancelled_before
  AND CASE WHEN j.modified_at > j.aborted_at THEN 1 ELSE 0 END = 1 AND j.aborted_at BETWEEN :modified_from AND :modified_to
LIMIT :limit) found;

-- name: changed_while_waiting
-- The same of the jobs that wait.
SELECT COUNT(*) AS jobs FROM (SELECT j.id FROM {changed_while_waiting} j LIMIT :limit) found;
