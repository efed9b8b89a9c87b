"""Applies a bulk cancel: updates the rows of its jobs in bounded batches. It may stop anywhere and continue later."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of one transaction: to how many jobs it applied the barrier, and where the next one continues (µs)."""

    applied: int
    reached: int


class CoveredJobs(NamedTuple):
    """Locked jobs that the bulk cancel has aborted and whose rows are not updated yet.

    `ids`, `with_standby` are JSON lists of ids, `heard` one of (id, listeners); the last two may be None. `queued` and
    `running` of the jobs have this status, the others are pending. `tasks_…` are the sums of those without a standby.
    """

    jobs: int
    reached: int
    ids: str
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


async def apply(tx: Tx, barrier: Barrier, *, since: int, limit: int) -> Batch:
    """Sets up to `limit` job rows, created at `since` or later, to aborted, and deletes their items."""
    bounds = barriers.bounds(barrier.range, barrier.id) | {"created_from": since, "limit": limit}
    return await _apply(tx, barrier, await _NEXT.all(tx, **bounds))


async def apply_rest(tx: Tx, barrier: Barrier, *, limit: int) -> bool:
    """Applies the barrier to the jobs that others had locked. Returns True if none was left; it is then closed."""
    left = await _LEFT.all(tx, **barriers.bounds(barrier.range, barrier.id), limit=limit)
    if (await _apply(tx, barrier, left)).applied:
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


async def _apply(tx: Tx, barrier: Barrier, found: Sequence[CoveredJobs]) -> Batch:
    [covered] = found
    if not covered.jobs:
        return Batch(0, barrier.range.created_to)
    ids, owner = _ids(covered.ids), barrier.range.organization_id
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
    await barriers.add_applied(tx, barrier.id, covered.jobs)
    heard = _heard(covered.heard or "[]")
    await ends.record(tx, ends.aborted((job_id, owner, listeners) for job_id, listeners in heard))
    return Batch(covered.jobs, covered.reached)
