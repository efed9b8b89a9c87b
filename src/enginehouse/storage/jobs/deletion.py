"""Deletes whole jobs, and finds the bytes that no other job uses."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.artifact import log_key
from enginehouse.domain.ids import first_job_id
from enginehouse.domain.status import JOB_ENDED
from enginehouse.storage import task_notes
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts, failure_counts, traces
from enginehouse.storage.pushes import endpoints
from enginehouse.storage.work import work_items

SHARED_BYTES: Final = "shared artifacts"
"""The advisory lock of every transaction that deletes or shares bytes which several rows may name."""


class JobToDelete(NamedTuple):
    """A locked job, and the first open bulk cancel that covers it."""

    id: int
    organization_id: int
    status: str
    scheduled_job_id: int | None
    covered_by: int | None


_LOCK: Final = Select("jobs.lock_to_delete", JobToDelete)


async def delete(tx: Tx, job_ids: Sequence[int], *, organization_id: int | None) -> list[str] | None:
    """Deletes the jobs with all their rows. Returns the keys of the bytes to remove.

    Returns None, and deletes nothing, if a job does not exist in the organization; `organization_id` None is the
    server's own retention. The loss of their items fences running attempts.
    """
    rows = await _LOCK.all(tx, ids=list(job_ids))
    if organization_id is not None and (
        len(rows) < len(set(job_ids)) or any(row.organization_id != organization_id for row in rows)
    ):
        return None
    if organization_id is None:
        rows = [row for row in rows if row.status in JOB_ENDED]  # a task may have been put back since they were read
    ids = [row.id for row in rows]
    keys = await _keys_to_remove(tx, ids)
    changes = await _uncounted(tx, rows)
    await work_items.delete_of_jobs(tx, ids)
    for part in ("documents", "engines", "tasks", "attempts", "artifacts", "events", "jobs"):
        await tx.run(f"jobs.delete_{part}", ids=ids)
    await tx.run("task_updates.delete_outputs", ids=ids)
    await tx.run("task_updates.delete_notifications", ids=ids)
    await tx.run("task_updates.delete_polls", ids=ids)
    await tx.run("additions.delete_given_ids", ids=ids)
    await traces.delete(tx, ids)
    await endpoints.delete_of_jobs(tx, ids)
    await counts.add(tx, changes)
    # The deletion of a covered job counts as applied by its bulk cancel, so that the counted and applied jobs agree.
    covered = Counter(row.covered_by for row in rows if row.covered_by is not None)
    for barrier_id, jobs in sorted(covered.items()):
        await barriers.add_applied(tx, barrier_id, jobs)
    return keys


async def _uncounted(tx: Tx, jobs: Sequence[JobToDelete]) -> counts.CountChanges:
    """Returns the counts without these jobs and their tasks."""
    changes, ids = counts.CountChanges(), [job.id for job in jobs]
    for job in jobs:
        changes.jobs[job.organization_id, job.status] -= 1
        if job.scheduled_job_id is not None:
            changes.schedules[job.organization_id, job.scheduled_job_id] -= 1
    for organization_id, engine_id, *kind, unended, tasks in await tx.all("deletion.tasks", ids=ids):
        status, reason, backlog = kind
        changes.tasks[organization_id, engine_id, status, reason, backlog] -= tasks
        if unended:
            changes.hide(organization_id, (status, reason, backlog), -tasks)
    for organization_id, engine_id, number in await tx.all("deletion.engines", ids=ids):
        changes.engines[organization_id, engine_id] -= number
    await failure_counts.forget(tx, changes, {job.id: job.organization_id for job in jobs})
    return changes


async def _keys_to_remove(tx: Tx, job_ids: Sequence[int]) -> list[str]:
    """Returns the keys of the bytes that only these jobs use, including logs. The jobs' rows are locked and exist.

    The rows of added logs are deleted.

    Bytes that another job or an asset also uses stay. A lock makes deletions of such jobs run one after the other: two
    at once would not see each other's deleted rows.
    """
    keys = {key: bool(is_shared) for key, is_shared in await tx.all("deletion.keys_of_jobs", ids=list(job_ids))}
    shared = [key for key, is_shared in keys.items() if is_shared]
    if shared:
        await tx.lock(SHARED_BYTES)
        for (key,) in await tx.all("deletion.named_elsewhere", keys=shared, ids=list(job_ids)):
            del keys[key]
    logs = (log_key(*row) for row in await tx.all("deletion.attempts_of_jobs", ids=list(job_ids)))
    return [*keys, *logs, *await task_notes.delete_logs(tx, job_ids)]


async def over_since(tx: Tx, *, before: int, limit: int) -> list[int]:
    """Returns ended jobs that have not changed since `before` (µs), oldest first. The id bound keeps the scan short.

    With a retention of a century `before` is earlier than any id.
    """
    rows = await tx.all("jobs.over_since", before=before, before_id=first_job_id(max(0, before)), limit=limit)
    return [job_id for (job_id,) in rows]
