"""Applies a bulk cancel: updates the rows of its jobs in bounded batches. It may stop anywhere and continue later."""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import Barrier
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import cancellation_counts, counts, rates, stops
from enginehouse.storage.outbox import ends
from enginehouse.storage.work import work_items


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of one transaction: to how many jobs it applied the barrier, and where the next one continues (µs)."""

    applied: int
    reached: int


class CoveredJob(NamedTuple):
    """A locked job that the bulk cancel has aborted and whose row is not updated yet."""

    id: int
    organization_id: int
    status: str
    created_at: int
    listeners: int
    tasks_total: int
    tasks_queued: int
    tasks_ready: int
    has_standby: int


class StartedJob(NamedTuple):
    """A locked job of the range that has started, so that a plain cancel no longer covers it."""

    id: int
    organization_id: int
    status: str
    tasks_total: int
    listeners: int


_NEXT: Final = Select("bulk_cancels.next", CoveredJob)
_LEFT: Final = Select("bulk_cancels.left", CoveredJob)
_RUNNING: Final = Select("bulk_cancels.running", StartedJob)


async def apply(tx: Tx, barrier: Barrier, *, since: int, limit: int) -> Batch:
    """Sets up to `limit` job rows, created at `since` or later, to aborted, and deletes their items."""
    bounds = barriers.bounds(barrier.range, barrier.id) | {"created_from": since, "limit": limit}
    return await _apply(tx, barrier, await _NEXT.all(tx, **bounds))


async def apply_rest(tx: Tx, barrier: Barrier, *, limit: int) -> bool:
    """Applies the barrier to the jobs that others had locked. Returns True if none was left; it is then closed."""
    jobs = await _LEFT.all(tx, **barriers.bounds(barrier.range, barrier.id), limit=limit)
    if jobs:
        await _apply(tx, barrier, jobs)
        return False
    if barrier.include_running and await _running(tx, barrier, limit=1):
        return False
    await barriers.close(tx, barrier.id)
    return True


async def stop_running(tx: Tx, barrier: Barrier, *, limit: int) -> dict[int, int]:
    """Cancels up to `limit` jobs of the range that have started. Returns how many attempts of each must stop."""
    jobs = await _running(tx, barrier, limit=limit)
    return dict(zip((job.id for job in jobs), await stops.stop_jobs(tx, jobs), strict=True))


async def _running(tx: Tx, barrier: Barrier, *, limit: int) -> list[StartedJob]:
    bounds = barriers.bounds(barrier.range, barrier.id)
    return await _RUNNING.all(tx, **bounds, accepted_at=barrier.accepted_at, limit=limit)


async def _apply(tx: Tx, barrier: Barrier, jobs: list[CoveredJob]) -> Batch:
    if not jobs:
        return Batch(0, barrier.range.created_to)
    ids = [job.id for job in jobs]
    await tx.run("bulk_cancels.apply", ids=ids, at=barrier.accepted_at)
    await work_items.delete_of_jobs(tx, ids)
    changes = counts.CountChanges()
    for status, number in Counter(job.status for job in jobs).items():
        changes.move(barrier.range.organization_id, status, JobStatus.ABORTED, number)
    await cancellation_counts.hide(tx, changes, jobs)
    changes.moves |= rates.aborted(changes.jobs)
    await counts.add(tx, changes)
    await barriers.add_applied(tx, barrier.id, len(ids))
    await ends.record(tx, ends.aborted((job.id, barrier.range.organization_id, job.listeners) for job in jobs))
    return Batch(len(ids), max(job.created_at for job in jobs))
