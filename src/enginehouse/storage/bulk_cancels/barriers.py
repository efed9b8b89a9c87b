"""Bulk cancels in storage: each is one row, the barrier. From its commit on, the jobs that it covers are aborted."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.postgres_tx import lock_key
from enginehouse.storage.database.rows import Select

_NO_ID: Final = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRange:
    """The jobs of an organization that were created between two times (µs UTC), both inclusive."""

    organization_id: int
    created_from: int
    created_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """An accepted bulk cancel. It aborts `matched` jobs (None until counted); `applied` of their rows are updated.

    `applied_at` is when all of them are. Until then it is None, and the bulk cancel is open.
    """

    id: int
    range: JobRange
    accepted_at: int
    include_running: bool
    matched: int | None
    applied: int
    applied_at: int | None


class BarrierRow(NamedTuple):
    """A stored bulk cancel: `settled` is how many rows are updated, `settled_at` since when all of them are."""

    id: int
    organization_id: int
    created_from: int
    created_to: int
    accepted_at: int
    include_running: int
    matched: int | None
    settled: int
    settled_at: int | None


_BY_ID: Final = Select("bulk_cancels.barrier", BarrierRow)
_OPEN: Final = Select("bulk_cancels.open", BarrierRow)


def _barrier(row: BarrierRow) -> Barrier:
    return Barrier(
        id=row.id,
        range=JobRange(organization_id=row.organization_id, created_from=row.created_from, created_to=row.created_to),
        accepted_at=row.accepted_at,
        include_running=bool(row.include_running),
        matched=row.matched,
        applied=row.settled,
        applied_at=row.settled_at,
    )


async def accept(tx: Tx, range_: JobRange, *, include_running: bool, created_by: str | None) -> int:
    """From this commit on no cancellable job of the range starts. Returns the barrier's id.

    A transaction that starts work, or marks a job as cancellable, commits before this one or begins after it.
    """
    row = {
        "organization_id": range_.organization_id,
        "created_from": range_.created_from,
        "created_to": range_.created_to,
        "include_running": int(include_running),
        "created_by": created_by,
    }
    if tx.dialect == "postgres":
        barrier_lock.refuse_shared(tx)
        inserted = await tx.all("bulk_cancels.lock_and_insert", **row, now=tx.now, lock=lock_key(barrier_lock.NAME))
    else:
        await barrier_lock.take_exclusive(tx)
        inserted = await tx.all("bulk_cancels.insert", **row, now=await tx.read_clock())
    [(barrier_id, tx.now)] = inserted
    return int(barrier_id)


async def last(tx: Tx) -> int:
    """Returns the id of the last bulk cancel; 0 before the first. The shared barrier lock must be held."""
    [(barrier_id,)] = await tx.all("bulk_cancels.last")
    return int(barrier_id)


async def get(tx: Tx, organization_id: int, barrier_id: int) -> Barrier | None:
    """Returns the organization's bulk cancel with this id."""
    row = await _BY_ID.one(tx, id=barrier_id, organization_id=organization_id)
    return _barrier(row) if row else None


async def open_ones(tx: Tx) -> list[Barrier]:
    """Returns the bulk cancels to apply next: the first open one of every organization."""
    return [_barrier(row) for row in await _OPEN.all(tx)]


async def is_open(tx: Tx, organization_id: int) -> bool:
    """True if the organization has an open bulk cancel, so that rows of its jobs may be out of date."""
    return await tx.one("bulk_cancels.any_open", organization_id=organization_id) is not None


async def count(tx: Tx, range_: JobRange, barrier_id: int | None = None) -> int:
    """Returns how many jobs the barrier has aborted, on one snapshot. Some of their rows may already be updated.

    Without a barrier: how many jobs a new one would abort. Jobs that an earlier barrier has aborted do not count.
    """
    where = bounds(range_, barrier_id if barrier_id is not None else _NO_ID)
    earlier = await tx.one("bulk_cancels.earlier_open", organization_id=range_.organization_id, id=where["id"])
    [(jobs,)] = await tx.all("bulk_cancels.count_beside_others" if earlier else "bulk_cancels.count", **where)
    applied = await tx.all("bulk_cancels.applied", id=barrier_id) if barrier_id is not None else []
    return int(jobs) + sum(int(more) for (more,) in applied)


async def count_stopping(tx: Tx, range_: JobRange, *, barrier: Barrier | None = None) -> int:
    """Returns how many jobs of the range have started and not ended: `include_running` stops these."""
    [(jobs,)] = await tx.all(
        "bulk_cancels.count_stopping",
        **bounds(range_, barrier.id if barrier else _NO_ID),
        accepted_at=barrier.accepted_at if barrier else tx.now,
    )
    return int(jobs)


async def set_matched(tx: Tx, barrier_id: int, matched: int) -> int:
    """Stores the first count and returns it; the barrier can then be applied. With nothing to do it is closed."""
    row = await tx.one("bulk_cancels.set_matched", id=barrier_id, matched=matched, now=tx.now)
    return matched if row is None else int(*row)


async def covered_by_status(tx: Tx, organization_id: int) -> dict[str, int]:
    """Returns how many jobs open bulk cancels have aborted, by the status that their rows still have."""
    rows = await tx.all("bulk_cancels.covered_by_status", organization_id=organization_id)
    return {word: int(jobs) for word, jobs in rows}


async def add_applied(tx: Tx, barrier_id: int, jobs: int) -> None:
    """Counts `jobs` more of the barrier's jobs as applied: their rows are updated or deleted."""
    await tx.run("bulk_cancels.add_applied", id=barrier_id, jobs=jobs)


async def close(tx: Tx, barrier_id: int) -> None:
    """Closes the bulk cancel: every row is up to date."""
    await tx.run("bulk_cancels.close", id=barrier_id, now=tx.now)


def bounds(range_: JobRange, barrier_id: int) -> dict[str, int]:
    """Returns the parameters of a statement over the jobs of a barrier."""
    return {
        "organization_id": range_.organization_id,
        "created_from": range_.created_from,
        "created_to": range_.created_to,
        "id": barrier_id,
    }
