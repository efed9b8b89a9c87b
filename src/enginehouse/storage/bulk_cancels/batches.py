"""Applying a bulk cancel: rows come to say what its barrier made true, in bounded batches that may stop anywhere."""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import Barrier
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts, stops
from enginehouse.storage.work import work_items


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did: to how many jobs the barrier was applied, and where the next one goes on (µs)."""

    applied: int
    reached: int


class CoveredJob(NamedTuple):
    """A job that the bulk cancel has aborted and whose row does not say so, locked."""

    id: int
    status: str
    created_at: int


class StartedJob(NamedTuple):
    """A job of the range that is past the point of cancelling, locked."""

    id: int
    organization_id: int
    status: str


_NEXT: Final = Select("bulk_cancels.next", CoveredJob)
_LEFT: Final = Select("bulk_cancels.left", CoveredJob)
_RUNNING: Final = Select("bulk_cancels.running", StartedJob)


async def apply(tx: Tx, barrier: Barrier, *, since: int, limit: int) -> Batch:
    """Up to `limit` job rows, from those created at `since` on, say that they are aborted, and their items are gone."""
    bounds = barriers.bounds(barrier.range, barrier.id) | {"created_from": since, "limit": limit}
    return await _apply(tx, barrier, await _NEXT.all(tx, **bounds))


async def apply_rest(tx: Tx, barrier: Barrier, *, limit: int) -> bool:
    """The barrier is applied to what others had in hand, too. True when nothing was left and it is closed."""
    jobs = await _LEFT.all(tx, **barriers.bounds(barrier.range, barrier.id), limit=limit)
    if jobs:
        await _apply(tx, barrier, jobs)
        return False
    if barrier.include_running and await _running(tx, barrier, limit=1):
        return False
    await barriers.close(tx, barrier.id)
    return True


async def stop_running(tx: Tx, barrier: Barrier, *, limit: int) -> dict[int, int]:
    """Up to `limit` jobs of the range that had started are cancelled; returns how many attempts of each are to stop."""
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
    changes = Counter({(barrier.range.organization_id, JobStatus.ABORTED.value): len(ids)})
    changes.subtract((barrier.range.organization_id, job.status) for job in jobs)
    await counts.add(tx, changes)
    await barriers.add_applied(tx, barrier.id, len(ids))
    return Batch(len(ids), max(job.created_at for job in jobs))
