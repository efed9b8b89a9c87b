"""Pauses and limits in storage. Running work continues; after the commit nothing starts that they forbid.

A transaction that starts work holds the barrier lock shared from its first statement to its commit. The functions here
that forbid work hold the same lock exclusively, so they commit before or after every such transaction, never during it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.event import JOB, EventKind
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage import events
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class PausableJob(NamedTuple):
    """The current row of a locked job. A cancelled one is aborted, even if attempts of it must still stop."""

    id: int
    status: str
    paused_at: int | None


_LOCK: Final = Select("limits.lock_jobs", PausableJob)


@dataclass(frozen=True, slots=True)
class Paused:
    """The outcome of a pause or a resume of a job; `changed` is true only for the call that changed it."""

    status: JobStatus
    changed: bool


async def lock_jobs(tx: Tx, organization_id: int, job_ids: Collection[int]) -> list[PausableJob]:
    """Returns the current rows of those of the jobs that the organization has, locked in key order."""
    return await _LOCK.all(tx, ids=sorted(job_ids), organization_id=organization_id)


async def pause_job(tx: Tx, organization_id: int, job_id: int) -> Paused | None:
    """Pauses the job: none of its items starts, and new ones are held. Returns None if there is no such job.

    A job that has ended stays unchanged.
    """
    return (await pause_jobs(tx, organization_id, [job_id])).get(job_id)


async def pause_jobs(tx: Tx, organization_id: int, job_ids: Collection[int]) -> dict[int, Paused]:
    """The same for many jobs. The answer leaves out those that the organization does not have."""
    await barrier_lock.take_exclusive(tx)
    now = await tx.read_clock()
    rows = await lock_jobs(tx, organization_id, job_ids)
    found = {
        row.id: Paused(status := JobStatus(row.status), row.paused_at is None and status not in JOB_ENDED)
        for row in rows
    }
    return await _set(tx, organization_id, found, paused_at=now, now=now)


async def resume_job(tx: Tx, organization_id: int, job_id: int) -> Paused | None:
    """Resumes the job. Returns None if there is no such job."""
    return (await resume_jobs(tx, organization_id, [job_id])).get(job_id)


async def resume_jobs(tx: Tx, organization_id: int, job_ids: Collection[int]) -> dict[int, Paused]:
    """The same for many jobs. The answer leaves out those that the organization does not have."""
    rows = await lock_jobs(tx, organization_id, job_ids)
    found = {row.id: Paused(JobStatus(row.status), row.paused_at is not None) for row in rows}
    return await _set(tx, organization_id, found, paused_at=None, now=await tx.read_clock())


async def _set(
    tx: Tx, organization_id: int, found: dict[int, Paused], *, paused_at: int | None, now: int
) -> dict[int, Paused]:
    """Those of the locked jobs that change are paused, or no longer."""
    ids = [job_id for job_id, paused in found.items() if paused.changed]
    if ids:
        kind = EventKind.RESUMED if paused_at is None else EventKind.PAUSED
        await tx.run("limits.set_jobs", ids=ids, organization_id=organization_id, paused_at=paused_at, now=now)
        await tx.run("limits.free_items" if paused_at is None else "limits.hold_items", ids=ids)
        await events.insert(tx, [events.row(job_id, JOB, kind, now) for job_id in ids])
    return found


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
