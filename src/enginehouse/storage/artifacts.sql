-- name: of_task
-- The outputs of a task, or with ordinal -1 everything that the tasks of the job have published. What was pushed into a
-- folder is no output.
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM artifact a JOIN job j ON j.id = a.job_id
WHERE a.job_id = :job_id AND j.organization_id = :organization_id
  AND ((:ordinal = -1 AND a.folder = -1) OR (a.ordinal = :ordinal AND a.folder >= -1))
ORDER BY a.ordinal, a.folder, a.position, a.item, a.part;

-- name: page
-- The outputs of a task after one of them, in the order of their keys.
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM job j JOIN artifact a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal AND a.folder >= -1
  AND (a.folder, a.item, a.part) > (:folder, :item, :part)
ORDER BY a.folder, a.item, a.part
LIMIT :limit;

-- name: published
-- The first outputs that the tasks of the job have published as its results.
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM job j JOIN artifact a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.folder = -1
ORDER BY a.ordinal, a.item, a.part
LIMIT :limit;

-- name: one
-- One output of a task. What was pushed into a folder is no output.
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM job j JOIN artifact a ON a.job_id = j.id
WHERE j.id = :job_id AND j.organization_id = :organization_id AND a.ordinal = :ordinal AND a.folder = :folder
  AND a.folder >= -1 AND a.item = :item AND a.part = :part;

-- name: inputs_of
-- All artifacts in these output folders, in the order of the media.
-- rows: job_id bigint, ordinal int, folder int
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM {rows} r
JOIN artifact a ON a.job_id = r.job_id AND a.ordinal = r.ordinal AND a.folder = r.folder
ORDER BY a.start_ms IS NULL, a.start_ms, a.ordinal, a.folder, a.position, a.item, a.part;

-- name: input
SELECT job_id, ordinal, folder, item, part, position, name, media_type, size, sha256, storage_key, start_ms, stop_ms,
       metadata, created_at, bytes_deleted_at
FROM artifact
WHERE job_id = :job_id AND ordinal = :ordinal AND folder = :folder AND item = :item AND part = :part;

-- name: result_of
-- The first output of each task, if the task has worked as a whole: then no other item has an output there.
-- rows: job_id bigint, ordinal int, organization_id bigint
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part, a.position, a.name, a.media_type, a.size, a.sha256, a.storage_key,
       a.start_ms, a.stop_ms, a.metadata, a.created_at, a.bytes_deleted_at
FROM {rows} r
JOIN job j ON j.id = r.job_id AND j.organization_id = r.organization_id
JOIN artifact a ON a.job_id = r.job_id AND a.ordinal = r.ordinal AND a.item = 0 AND a.part = 0
WHERE a.folder = (SELECT MIN(f.folder) FROM artifact f
                  WHERE f.job_id = r.job_id AND f.ordinal = r.ordinal AND f.folder >= -1)
  AND NOT EXISTS (SELECT 1 FROM artifact o
                  WHERE o.job_id = r.job_id AND o.ordinal = r.ordinal AND o.folder = a.folder AND o.item > 0);

-- name: filled_folders
-- The output folders of a job that hold something, and the input folders into which something was pushed.
SELECT a.ordinal, a.folder, COUNT(*), MIN(a.created_at), MAX(a.created_at)
FROM artifact a JOIN job j ON j.id = a.job_id
WHERE a.job_id = :job_id AND j.organization_id = :organization_id
GROUP BY a.ordinal, a.folder;

-- name: keys_of_task
SELECT DISTINCT storage_key FROM artifact WHERE job_id = :job_id AND ordinal = :ordinal;

-- name: insert
-- Outputs become visible to others with the commit that accepts the report, never before.
-- rows: job_id bigint, ordinal int, folder int, item int, part int, position int, name text, media_type text, size bigint, sha256 text, storage_key text, start_ms bigint, stop_ms bigint, metadata text, created_at bigint, shared int
INSERT INTO artifact (job_id, ordinal, folder, item, part, position, name, media_type, size, sha256, storage_key, start_ms, stop_ms, metadata, created_at, shared)
SELECT r.job_id, r.ordinal, r.folder, r.item, r.part, r.position, r.name, r.media_type, r.size, r.sha256, r.storage_key, r.start_ms, r.stop_ms, r.metadata, r.created_at, r.shared
FROM {rows} r;

-- name: keys_in
-- The keys of the outputs in these output folders, in the order of the media.
-- rows: job_id bigint, ordinal int, folder int
SELECT a.job_id, a.ordinal, a.folder, a.item, a.part
FROM {rows} r
JOIN artifact a ON a.job_id = r.job_id AND a.ordinal = r.ordinal AND a.folder = r.folder
ORDER BY a.ordinal, a.folder, a.position, a.item, a.part;
