-- name: release_next
-- Frees the lowest item of each task that its task's limit holds. It stays held if its job is paused.
-- rows: job_id bigint, ordinal int
UPDATE work_item
SET held = held - 1
WHERE (job_id, ordinal, item) IN (
  SELECT r.job_id, r.ordinal,
         (SELECT MIN(w.item) FROM work_item w
          WHERE w.job_id = r.job_id AND w.ordinal = r.ordinal AND w.held IN (1, 3))
  FROM {rows} r);
