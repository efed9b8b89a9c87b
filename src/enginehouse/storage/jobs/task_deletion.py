"""Deletes one task of a job that has ended, and finds the bytes that nothing else uses."""

from typing import Final, NamedTuple

from enginehouse.domain.artifact import log_key
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts
from enginehouse.storage.jobs.deletion import SHARED_BYTES
from enginehouse.storage.work import job_locks


class CountedTask(NamedTuple):
    """How the task is counted. `unended`: it is shown as aborted, because its job was cancelled."""

    engine_id: str
    status: str
    reason: str
    backlog: int
    unended: int


class OldAttempt(NamedTuple):
    """An attempt of the task, which may have left a log."""

    item: int
    number: int


class OldOutput(NamedTuple):
    """The key of an output that was deleted, and whether another row may name its bytes."""

    storage_key: str
    shared: int


class TaskDeletion(NamedTuple):
    """What a deletion has done. With `refused`, the status of the job that has not ended, it has done nothing."""

    refused: JobStatus | None = None
    removed: tuple[str, ...] = ()


_THERE: Final = Select("task_deletion.there", CountedTask)
_ATTEMPTS: Final = Select("task_deletion.attempts", OldAttempt)
_OUTPUTS: Final = Select("task_deletion.delete_outputs", OldOutput)


async def delete(tx: Tx, organization_id: int, job_id: int, ordinal: int) -> TaskDeletion | None:
    """No client sees the task any more; its outputs, attempts and logs are gone. Returns None if there is no such task.

    What it was still counts in the status of its job. Assets that were made of its outputs stay with their targets.
    """
    job = (await job_locks.lock(tx, [job_id])).get(job_id)
    place = {"job_id": job_id, "ordinal": ordinal}
    if job is None or job.organization_id != organization_id:
        return None
    found = await _THERE.all(tx, **place)
    if not found:
        return None
    [task] = found
    status = JobStatus(job.status)
    if status not in JOB_ENDED:
        return TaskDeletion(refused=status)
    await tx.lock(SHARED_BYTES)  # a retry that reuses the outputs comes before or after
    now = await tx.read_clock()
    logs = [log_key(organization_id, job_id, ordinal, *row) for row in await _ATTEMPTS.all(tx, **place)]
    logs += [key for (key,) in await tx.all("task_deletion.delete_logs", **place)]
    gone = {row.storage_key: row.shared for row in await _OUTPUTS.all(tx, **place)}
    for part in ("attempts", "reported", "polls", "notifications"):
        await tx.run(f"task_deletion.delete_{part}", **place)
    await tx.run("task_deletion.mark", **place, now=now)
    await tx.run("task_deletion.touch", id=job_id, organization_id=organization_id, now=now)
    changes, kind, engine_id = counts.CountChanges(), (task.status, task.reason, task.backlog), task.engine_id
    changes.tasks[organization_id, engine_id, *kind] -= 1
    changes.hide(organization_id, kind, -task.unended)
    await counts.add(tx, changes)
    if shared := sorted(key for key, is_shared in gone.items() if is_shared):
        for (key,) in await tx.all("assets.named", keys=shared):
            del gone[key]
    return TaskDeletion(removed=(*gone, *logs))
