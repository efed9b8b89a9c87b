"""Pauses and limits in storage. Running work continues; after the commit nothing starts that they forbid.

A transaction that starts work holds the barrier lock shared from its first statement to its commit. The functions here
that forbid work hold the same lock exclusively, so they commit before or after every such transaction, never during it.
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
    """The current row of a locked job."""

    status: str
    paused_at: int | None


_LOCK: Final = Select("limits.lock_job", PausableJob)


@dataclass(frozen=True, slots=True)
class Paused:
    """The outcome of a pause or a resume of a job; `changed` is true only for the call that changed it."""

    status: JobStatus
    changed: bool


async def pause_job(tx: Tx, organization_id: int, job_id: int) -> Paused | None:
    """Pauses the job: none of its items starts, and new ones are held. Returns None if there is no such job.

    A job that has ended stays unchanged.
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
    """Resumes the job. Returns None if there is no such job."""
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
    """From this commit on no work of the organization starts."""
    await barrier_lock.take_exclusive(tx)
    await tx.run("limits.pause_organization", organization_id=organization_id, now=await tx.read_clock())


async def resume_organization(tx: Tx, organization_id: int) -> None:
    await tx.run("limits.resume_organization", organization_id=organization_id, now=tx.now)


async def set_share(tx: Tx, organization_id: int, *, weight: int, running_limit: int | None) -> None:
    """Sets the organization's weight and limit. From this commit on none of its work starts at or above the limit."""
    await barrier_lock.take_exclusive(tx)
    await tx.run(
        "limits.set_share",
        organization_id=organization_id,
        weight=weight,
        running_limit=running_limit,
        now=await tx.read_clock(),
    )


async def set_engine_state(tx: Tx, organization_id: int, engine_id: str, *, was: str, state: str) -> None:
    """Sets the state of a shared engine, or of the organization's own, if its state is `was`."""
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    await tx.run(
        "limits.set_engine_state", id=engine_id, organization_id=organization_id, was=was, state=state, now=now
    )


async def set_engine_limit(tx: Tx, organization_id: int, engine_id: str, running_limit: int | None) -> None:
    """Sets the engine's limit. From this commit on none of its work starts at or above the limit."""
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    await tx.run(
        "limits.set_engine_limit", id=engine_id, organization_id=organization_id, running_limit=running_limit, now=now
    )
