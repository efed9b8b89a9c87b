"""Pauses and limits in storage. What runs, runs on; after the commit nothing starts that they forbid.

Whoever starts work holds the barrier lock shared from its first statement to its commit. What is written here under the
same lock, held alone, comes before or after every such transaction, never in its middle.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.event import JOB, EventKind
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage import events
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class PausableJob(NamedTuple):
    """A job, locked, as it is now."""

    status: str
    paused_at: int | None


_LOCK: Final = Select("limits.lock_job", PausableJob)


@dataclass(frozen=True, slots=True)
class Paused:
    """What became of pausing or resuming a job; `changed` is true only for the call that did it."""

    status: JobStatus
    changed: bool


async def pause_job(tx: Tx, organization_id: int, job_id: int) -> Paused | None:
    """Nothing more of the job starts, and what comes to be runnable is held; None where there is no such job.

    A job that has ended is left as it is.
    """
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    row = await _LOCK.one(tx, id=job_id, organization_id=organization_id)
    if row is None:
        return None
    status = JobStatus(row.status)
    if status in JOB_ENDED or row.paused_at is not None:
        return Paused(status, changed=False)
    await tx.run("limits.set_job", id=job_id, organization_id=organization_id, paused_at=now, now=now)
    await tx.run("limits.hold_items", id=job_id)
    await events.insert(tx, [events.row(job_id, JOB, EventKind.PAUSED, now)])
    return Paused(status, changed=True)


async def resume_job(tx: Tx, organization_id: int, job_id: int) -> Paused | None:
    """The job goes on where it was; None where there is no such job."""
    row = await _LOCK.one(tx, id=job_id, organization_id=organization_id)
    if row is None:
        return None
    status = JobStatus(row.status)
    if row.paused_at is None:
        return Paused(status, changed=False)
    now = await tx.read_clock()
    await tx.run("limits.set_job", id=job_id, organization_id=organization_id, paused_at=None, now=now)
    await tx.run("limits.free_items", id=job_id)
    await events.insert(tx, [events.row(job_id, JOB, EventKind.RESUMED, now)])
    return Paused(status, changed=True)


async def pause_organization(tx: Tx, organization_id: int) -> None:
    """Nothing of the organization starts."""
    await barrier_lock.take_exclusive(tx)
    await tx.run("limits.pause_organization", organization_id=organization_id, now=await tx.read_clock())


async def resume_organization(tx: Tx, organization_id: int) -> None:
    await tx.run("limits.resume_organization", organization_id=organization_id, now=tx.now)


async def set_share(tx: Tx, organization_id: int, *, weight: int, running_limit: int | None) -> None:
    """From now on the organization has this weight, and nothing of it starts at or above the limit."""
    await barrier_lock.take_exclusive(tx)
    await tx.run(
        "limits.set_share",
        organization_id=organization_id,
        weight=weight,
        running_limit=running_limit,
        now=await tx.read_clock(),
    )


async def set_engine_state(tx: Tx, organization_id: int, engine_id: str, *, was: str, state: str) -> None:
    """The engine, a shared one or the organization's own, is in `state` if it was in the other one."""
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    await tx.run(
        "limits.set_engine_state", id=engine_id, organization_id=organization_id, was=was, state=state, now=now
    )


async def set_engine_limit(tx: Tx, organization_id: int, engine_id: str, running_limit: int | None) -> None:
    """From now on nothing of the engine starts at or above the limit."""
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    await tx.run(
        "limits.set_engine_limit", id=engine_id, organization_id=organization_id, running_limit=running_limit, now=now
    )
