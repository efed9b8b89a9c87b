"""Bulk cancels in storage: accepted by one row, counted once, settled in bounded batches that may stop anywhere."""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.domain.status import JobStatus
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import stops
from enginehouse.storage.work import settlement

_NO_ID: Final = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The jobs of an organization created within two moments (µs UTC), both included."""

    organization_id: int
    created_from: int
    created_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """An accepted bulk cancel. `matched` is None until counted; `settled` of those say so in their rows."""

    id: int
    range: Range
    accepted_at: int
    include_running: bool
    matched: int | None
    settled: int
    settled_at: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one settling transaction did: jobs settled, and from which creation time the next one goes on."""

    settled: int
    reached: int


class BarrierRow(NamedTuple):
    """A bulk cancel as it is stored."""

    id: int
    organization_id: int
    created_from: int
    created_to: int
    accepted_at: int
    include_running: int
    matched: int | None
    settled: int
    settled_at: int | None


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


_BY_ID: Final = Select("bulk_cancels.barrier", BarrierRow)
_OPEN: Final = Select("bulk_cancels.open", BarrierRow)
_NEXT: Final = Select("bulk_cancels.next", CoveredJob)
_LEFT: Final = Select("bulk_cancels.left", CoveredJob)
_RUNNING: Final = Select("bulk_cancels.running", StartedJob)


def _barrier(row: BarrierRow) -> Barrier:
    return Barrier(
        id=row.id,
        range=Range(organization_id=row.organization_id, created_from=row.created_from, created_to=row.created_to),
        accepted_at=row.accepted_at,
        include_running=bool(row.include_running),
        matched=row.matched,
        settled=row.settled,
        settled_at=row.settled_at,
    )


async def accept(tx: Tx, wanted: Range, *, include_running: bool, created_by: str | None) -> int:
    """From this commit on no job of the range that can be cancelled starts; returns the barrier's id.

    Whoever starts work or notes that a job can be cancelled is on either side of the commit, never across it.
    """
    await barrier_lock.take_exclusive(tx)
    [(barrier_id,)] = await tx.all(
        "bulk_cancels.insert",
        organization_id=wanted.organization_id,
        created_from=wanted.created_from,
        created_to=wanted.created_to,
        now=await tx.read_clock(),
        include_running=int(include_running),
        created_by=created_by,
    )
    return int(barrier_id)


async def get(tx: Tx, organization_id: int, barrier_id: int) -> Barrier | None:
    """The organization's bulk cancel of this id."""
    row = await _BY_ID.one(tx, id=barrier_id, organization_id=organization_id)
    return _barrier(row) if row else None


async def open_ones(tx: Tx) -> list[Barrier]:
    """Those whose turn it is to be settled: the first of every organization."""
    return [_barrier(row) for row in await _OPEN.all(tx)]


async def is_open(tx: Tx, organization_id: int) -> bool:
    """Whether rows of the organization's jobs may say something else than what is true."""
    return await tx.one("bulk_cancels.any_open", organization_id=organization_id) is not None


async def count(tx: Tx, wanted: Range, barrier_id: int | None = None) -> int:
    """How many jobs the barrier has aborted, settled ones included, on one snapshot and while none is settled yet.

    Without a barrier: how many one that is set now would abort. Jobs that an earlier one has aborted do not count.
    """
    bounds = _bounds(wanted, barrier_id if barrier_id is not None else _NO_ID)
    earlier = await tx.one("bulk_cancels.earlier_open", organization_id=wanted.organization_id, id=bounds["id"])
    [(jobs,)] = await tx.all("bulk_cancels.count_beside_others" if earlier else "bulk_cancels.count", **bounds)
    settled = await tx.all("bulk_cancels.settled", id=barrier_id) if barrier_id is not None else []
    return int(jobs) + sum(int(more) for (more,) in settled)


async def count_stopping(tx: Tx, wanted: Range, *, barrier: Barrier | None = None) -> int:
    """How many jobs of the range have started and not ended: those that including the running ones stops."""
    [(jobs,)] = await tx.all(
        "bulk_cancels.count_stopping",
        **_bounds(wanted, barrier.id if barrier else _NO_ID),
        accepted_at=barrier.accepted_at if barrier else tx.now,
    )
    return int(jobs)


async def set_matched(tx: Tx, barrier_id: int, matched: int) -> int:
    """The first count is written down, and returned; settling may begin. With nothing to settle it is over."""
    row = await tx.one("bulk_cancels.set_matched", id=barrier_id, matched=matched, now=tx.now)
    return matched if row is None else int(*row)


async def covered_by_status(tx: Tx, organization_id: int) -> dict[str, int]:
    """How many aborted jobs there are whose rows still say this or that."""
    rows = await tx.all("bulk_cancels.covered_by_status", organization_id=organization_id)
    return {word: int(jobs) for word, jobs in rows}


async def settle(tx: Tx, barrier: Barrier, *, since: int, limit: int) -> Batch:
    """Up to `limit` job rows, from those created at `since` on, say that they are aborted, and their items are gone."""
    bounds = _bounds(barrier.range, barrier.id) | {"created_from": since, "limit": limit}
    return await _settle(tx, barrier, await _NEXT.all(tx, **bounds))


async def settle_rest(tx: Tx, barrier: Barrier, *, limit: int) -> bool:
    """What others had in hand is settled too. True when nothing was left and the bulk cancel is over."""
    rows = await _LEFT.all(tx, **_bounds(barrier.range, barrier.id), limit=limit)
    if rows:
        await _settle(tx, barrier, rows)
        return False
    if barrier.include_running and await _running(tx, barrier, limit=1):
        return False
    await tx.run("bulk_cancels.close", id=barrier.id, now=tx.now)
    return True


async def stop_running(tx: Tx, barrier: Barrier, *, limit: int) -> dict[int, int]:
    """Up to `limit` jobs of the range that had started are cancelled; returns how many attempts of each are to stop."""
    rows = await _running(tx, barrier, limit=limit)
    return dict(zip((row.id for row in rows), await stops.stop_jobs(tx, rows), strict=True))


async def _running(tx: Tx, barrier: Barrier, *, limit: int) -> list[StartedJob]:
    bounds = _bounds(barrier.range, barrier.id)
    return await _RUNNING.all(tx, **bounds, accepted_at=barrier.accepted_at, limit=limit)


async def _settle(tx: Tx, barrier: Barrier, rows: list[CoveredJob]) -> Batch:
    if not rows:
        return Batch(0, barrier.range.created_to)
    ids = [row.id for row in rows]
    await tx.run("bulk_cancels.settle_jobs", ids=ids, at=barrier.accepted_at)
    await tx.run("jobs.delete_items", ids=ids)
    counts = Counter({(barrier.range.organization_id, JobStatus.ABORTED.value): len(ids)})
    counts.subtract((barrier.range.organization_id, row.status) for row in rows)
    await settlement.count_jobs(tx, counts)
    await tx.run("bulk_cancels.add_settled", id=barrier.id, jobs=len(ids))
    return Batch(len(ids), max(row.created_at for row in rows))


def _bounds(wanted: Range, barrier_id: int) -> dict[str, int]:
    return {
        "organization_id": wanted.organization_id,
        "created_from": wanted.created_from,
        "created_to": wanted.created_to,
        "id": barrier_id,
    }
