"""Applies a bulk cancel: updates the rows of its jobs in bounded batches. It may stop anywhere and continue later."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import Barrier
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import cancellation_counts, counts, rates, stops
from enginehouse.storage.outbox import ends
from enginehouse.storage.work import work_items


@dataclass(slots=True)
class Walk:
    """How far the work on a bulk cancel has come: no job created before `since` (µs) is left, but some may be in hand.

    Several transactions may share it. Each finds its jobs in its `turn`, behind those of the one before, and changes
    them while the next one finds others.
    """

    since: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class CoveredJobs(NamedTuple):
    """Locked jobs that the bulk cancel has aborted and whose rows are not updated yet.

    `ids`, `with_standby` are JSON lists of ids, `heard` one of (id, listeners); without any they may be None. `queued`
    and `running` of the jobs have this status, the others are pending. `tasks_…` are sums of those without a standby.
    """

    jobs: int
    reached: int | None
    ids: str | None
    queued: int
    running: int
    tasks_total: int
    tasks_queued: int
    tasks_ready: int
    with_standby: str | None
    heard: str | None


class StartedJob(NamedTuple):
    """A locked job of the range that has started, so that a plain cancel no longer covers it."""

    id: int
    organization_id: int
    status: str
    tasks_total: int
    listeners: int


_NEXT: Final = Select("bulk_cancels.next", CoveredJobs)
_LEFT: Final = Select("bulk_cancels.left", CoveredJobs)
_RUNNING: Final = Select("bulk_cancels.running", StartedJob)

_ids: Final = msgspec.json.Decoder(list[int]).decode
_heard: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode


async def apply(tx: Tx, barrier: Barrier, walk: Walk, *, limit: int) -> int:
    """Sets the next rows of the walk to aborted, and deletes their items. Returns how many; 0 at its end."""
    bounds = barriers.bounds(barrier.range, barrier.id) | {"limit": limit}
    async with walk.turn:
        [found] = await _NEXT.all(tx, **bounds | {"created_from": walk.since})
        walk.since = max(walk.since, found.reached or 0)
    return await _apply(tx, barrier, found)


async def apply_rest(tx: Tx, barrier: Barrier, *, limit: int) -> bool:
    """Applies the barrier to the jobs that others had locked. Returns True if none was left; it is then closed."""
    [left] = await _LEFT.all(tx, **barriers.bounds(barrier.range, barrier.id), limit=limit)
    if await _apply(tx, barrier, left):
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


async def _apply(tx: Tx, barrier: Barrier, covered: CoveredJobs) -> int:
    if not covered.jobs:
        return 0
    ids, owner = _ids(covered.ids or "[]"), barrier.range.organization_id
    await tx.run("bulk_cancels.apply", ids=ids, at=barrier.accepted_at)
    await work_items.delete_of_jobs(tx, ids)
    changes = counts.CountChanges()
    changes.move(owner, JobStatus.QUEUED, JobStatus.ABORTED, covered.queued)
    changes.move(owner, JobStatus.RUNNING, JobStatus.ABORTED, covered.running)
    changes.move(owner, JobStatus.PENDING, JobStatus.ABORTED, covered.jobs - covered.queued - covered.running)
    cancellation_counts.hide_sums(
        changes, owner, total=covered.tasks_total, queued=covered.tasks_queued, ready=covered.tasks_ready
    )
    await cancellation_counts.hide_read(tx, changes, _ids(covered.with_standby or "[]"))
    changes.moves |= rates.aborted(changes.jobs)
    await counts.add(tx, changes)
    heard = _heard(covered.heard or "[]")
    await ends.record(tx, ends.aborted((job_id, owner, listeners) for job_id, listeners in heard))
    # The last statement: other batches of this bulk cancel wait from here on.
    await barriers.add_applied(tx, barrier.id, covered.jobs)
    return covered.jobs
