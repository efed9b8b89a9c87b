"""The rows of jobs, locked: what whoever starts, ends or stops work of a job holds from here to its commit."""

from collections.abc import Collection
from typing import Final, NamedTuple

from enginehouse.domain.settlement import JobState
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class JobStateRow(NamedTuple):
    """The changing part of a job: `{job_state:j}` in SQL."""

    id: int
    organization_id: int
    status: str
    cancelled: int
    started_at: int | None
    tasks_total: int
    tasks_queued: int
    tasks_running: int
    tasks_complete: int
    tasks_failed: int
    tasks_aborted: int
    target_id: int | None
    stopping: int
    paused_at: int | None


class LockedJob(NamedTuple):
    """The same, and whether an open bulk cancel lets nothing more of the job start (`halted`)."""

    id: int
    organization_id: int
    status: str
    cancelled: int
    started_at: int | None
    tasks_total: int
    tasks_queued: int
    tasks_running: int
    tasks_complete: int
    tasks_failed: int
    tasks_aborted: int
    target_id: int | None
    stopping: int
    paused_at: int | None
    halted: bool


_LOCK: Final = Select("work.lock_jobs", LockedJob)
_CLAIMABLE: Final = Select("work.claimable_jobs", JobStateRow)


async def lock(tx: Tx, job_ids: Collection[int]) -> dict[int, LockedJob]:
    """Those of the jobs that exist, locked in key order, as they are now. Waits for whoever holds one."""
    return {row.id: row for row in await _LOCK.all(tx, ids=sorted(job_ids))}


async def lock_claimable(tx: Tx, job_ids: Collection[int]) -> dict[int, JobStateRow]:
    """Those of the jobs of which a task may start, locked. One that somebody else holds is passed over."""
    return {row.id: row for row in await _CLAIMABLE.all(tx, ids=sorted(job_ids))}


def state(row: JobStateRow | LockedJob) -> JobState:
    """The row as a settlement starts from it."""
    return JobState(
        id=row.id,
        organization_id=row.organization_id,
        status=JobStatus(row.status),
        cancelled=bool(row.cancelled),
        ever_started=row.started_at is not None,
        total=row.tasks_total,
        queued=row.tasks_queued,
        running=row.tasks_running,
        complete=row.tasks_complete,
        failed=row.tasks_failed,
        aborted=row.tasks_aborted,
        stopping=row.stopping,
        paused=row.paused_at is not None,
    )
