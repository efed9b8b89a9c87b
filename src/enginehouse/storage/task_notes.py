"""The notes of tasks in storage: the warnings and logs that an engine or a person has added to a task."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.event import Detail, EventKind
from enginehouse.domain.task_notes import TaskWarning
from enginehouse.storage import events
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_detail: Final = msgspec.json.Decoder(Detail).decode


class LockedTask(NamedTuple):
    """The locked job of a task; `tasks` is 0 if there is no such task."""

    id: int
    tasks: int


class NoteCounts(NamedTuple):
    """How many notes of each kind a task has."""

    warnings: int
    logs: int


class WarningRow(NamedTuple):
    """A warning; `detail` is JSON text."""

    job_id: int
    ordinal: int
    id: int
    at: int
    detail: str


_LOCK: Final = Select("task_notes.lock", LockedTask)
_COUNT: Final = Select("task_notes.count", NoteCounts)
_WARNINGS: Final = Select("task_notes.warnings", WarningRow)


async def lock(tx: Tx, organization_id: int, job_id: int, ordinal: int) -> NoteCounts | None:
    """Locks the task's job. Returns how many notes the task has, None if the organization has no such task."""
    row = await _LOCK.one(tx, job_id=job_id, ordinal=ordinal, organization_id=organization_id)
    if row is None or not row.tasks:
        return None
    return await _COUNT.one(tx, job_id=job_id, ordinal=ordinal)


async def warn(tx: Tx, job_id: int, ordinal: int, detail: Detail) -> int:
    """Adds a warning to the history of the task, whose job is locked. Returns its id."""
    row = events.row(job_id, ordinal, EventKind.WARNED, await tx.read_clock(), detail)
    [(warning_id,)] = await tx.each("task_notes.warn", [row])
    return int(warning_id)


async def warnings(tx: Tx, organization_id: int, job_ids: Sequence[int]) -> dict[tuple[int, int], list[TaskWarning]]:
    """Returns the warnings of the organization's jobs by job and ordinal, the oldest first."""
    found: dict[tuple[int, int], list[TaskWarning]] = defaultdict(list)
    for row in await _WARNINGS.all(tx, ids=list(job_ids), organization_id=organization_id):
        detail = _detail(row.detail)
        warning = TaskWarning(row.id, row.at, detail.reason or "", detail.message, detail.reference)
        found[row.job_id, row.ordinal].append(warning)
    return found


async def add_log(tx: Tx, job_id: int, ordinal: int, *, key: str, size: int) -> None:
    """Records a log of the task, whose job is locked. Its bytes are stored under `key`."""
    now = await tx.read_clock()
    await tx.run("task_notes.add_log", job_id=job_id, ordinal=ordinal, storage_key=key, size=size, now=now)


async def delete_logs(tx: Tx, job_ids: Sequence[int]) -> list[str]:
    """Deletes the logs that were added to tasks of these locked jobs. Returns the keys of their bytes."""
    keys = [key for (key,) in await tx.all("task_notes.logs_of_jobs", ids=list(job_ids))]
    await tx.run("task_notes.delete_logs", ids=list(job_ids))
    return keys
