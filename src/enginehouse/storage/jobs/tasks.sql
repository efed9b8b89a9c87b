-- name: list
-- The tasks of an organization's jobs (`page`), or how many there are: all (`total`), or of each status, engine, reason
-- of a failure, and mark in time (`tally`). A deleted task is in no list. One filter drives the list: it finds the jobs,
-- in the order of the list. `by_status`: the status of the job. `with_failures` also finds jobs with a standby,
-- `partly_ended` jobs that wait though a task has ended. CROSS JOIN keeps SQLite from beginning with the tasks.
-- parts: page total tally tally_by_mark of_ids of_ordinal by_status by_target of_target by_source with_failures partly_ended of_job_statuses created newest oldest last_modified first_modified of_statuses of_engines of_reasons without_reasons in_backlog not_in_backlog claimable not_claimable modified
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

-- name: list_of_engine
-- The same for the tasks of one engine, directly from its index.
-- parts: page total created newest oldest last_modified first_modified of_statuses not_in_backlog not_claimable modified
-- lists: statuses text
-- if: total
SELECT COUNT(*) AS tasks
-- if: page
SELECT j.id, t.ordinal, {task_changed_at:j} AS changed_at
FROM job_engine e CROSS JOIN job j CROSS JOIN task t
WHERE e.organization_id = :organization_id AND e.engine_id = :engine_id
  AND {job_of_engine} AND {task_of_job} AND t.engine_id = :engine_id AND t.deleted_at IS NULL
-- if: created
  AND e.job_id BETWEEN :first_id AND :last_id AND j.created_at BETWEEN :created_from AND :created_to
-- if: of_statuses
  AND {task_status:j} IN {statuses}
-- if: not_in_backlog
  AND NOT (t.status IN ('pending', 'queued') AND t.items_open > 0 AND {task_status:j} <> 'aborted')
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
