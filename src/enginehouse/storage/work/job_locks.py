"""Locks the rows of jobs until the commit. Every transaction that starts, ends or stops their work does this."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from enginehouse.domain.settlement_rows import JobState
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class LockedJob(NamedTuple):
    """The changing part of a job (`{job_state:j}` in SQL).

    `halted`: an open bulk cancel forbids the job to start anything. `listeners`: as in `JobState`; 0 for a claim, which
    ends nothing.
    """

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
    plan_revision: int
    tasks_ready: int
    halted: bool
    listeners: int


_LOCK: Final = Select("work.lock_jobs", LockedJob)
_CLAIMABLE: Final = Select("work.claimable_jobs", LockedJob)


async def lock(tx: Tx, job_ids: Collection[int]) -> dict[int, LockedJob]:
    """Returns the current rows of the jobs that exist, locked in key order. Waits for other transactions."""
    return {row.id: row for row in await _LOCK.all(tx, ids=sorted(job_ids))}


async def lock_claimable(tx: Tx, job_ids: Collection[int]) -> dict[int, LockedJob]:
    """Returns the locked rows of the jobs that may start a task. Skips jobs that another transaction holds."""
    return {row.id: row for row in await _CLAIMABLE.all(tx, ids=sorted(job_ids))}


def revisions(jobs: Iterable[LockedJob]) -> dict[int, int]:
    """Returns the revision of each job's plan, as `Plans.load` takes them."""
    return {job.id: job.plan_revision for job in jobs}


def state(row: LockedJob) -> JobState:
    """Returns the state from which a settlement starts."""
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
        ready=row.tasks_ready,
        paused=row.paused_at is not None,
        listeners=row.listeners,
    )
