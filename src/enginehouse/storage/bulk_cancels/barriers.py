"""Bulk cancels in storage: each is a barrier, one row, from whose commit on the jobs it covers are aborted."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_NO_ID: Final = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRange:
    """The jobs of an organization created within two moments (µs UTC), both included."""

    organization_id: int
    created_from: int
    created_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """An accepted bulk cancel. `matched` jobs are aborted by it, None until counted; `applied` of their rows say so.

    `applied_at` is None until all of them do: until then the bulk cancel is open.
    """

    id: int
    range: JobRange
    accepted_at: int
    include_running: bool
    matched: int | None
    applied: int
    applied_at: int | None


class BarrierRow(NamedTuple):
    """A bulk cancel as it is stored: `settled` and `settled_at` are what is applied, and since when all of it is."""

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
    """From this commit on no job of the range that can be cancelled starts; returns the barrier's id.

    Whoever starts work or notes that a job can be cancelled is on either side of the commit, never across it.
    """
    await barrier_lock.take_exclusive(tx)
    [(barrier_id,)] = await tx.all(
        "bulk_cancels.insert",
        organization_id=range_.organization_id,
        created_from=range_.created_from,
        created_to=range_.created_to,
        now=await tx.read_clock(),
        include_running=int(include_running),
        created_by=created_by,
    )
    return int(barrier_id)


async def last(tx: Tx) -> int:
    """The id of the last bulk cancel, 0 before the first. The shared barrier lock must be held."""
    [(barrier_id,)] = await tx.all("bulk_cancels.last")
    return int(barrier_id)


async def get(tx: Tx, organization_id: int, barrier_id: int) -> Barrier | None:
    """The organization's bulk cancel of this id."""
    row = await _BY_ID.one(tx, id=barrier_id, organization_id=organization_id)
    return _barrier(row) if row else None


async def open_ones(tx: Tx) -> list[Barrier]:
    """Those whose turn it is to be applied: the first of every organization."""
    return [_barrier(row) for row in await _OPEN.all(tx)]


async def is_open(tx: Tx, organization_id: int) -> bool:
    """Whether rows of the organization's jobs may say something else than what is true."""
    return await tx.one("bulk_cancels.any_open", organization_id=organization_id) is not None


async def count(tx: Tx, range_: JobRange, barrier_id: int | None = None) -> int:
    """How many jobs the barrier has aborted, on one snapshot; it may be applied to some of their rows already.

    Without a barrier: how many one that is set now would abort. Jobs that an earlier one has aborted do not count.
    """
    where = bounds(range_, barrier_id if barrier_id is not None else _NO_ID)
    earlier = await tx.one("bulk_cancels.earlier_open", organization_id=range_.organization_id, id=where["id"])
    [(jobs,)] = await tx.all("bulk_cancels.count_beside_others" if earlier else "bulk_cancels.count", **where)
    applied = await tx.all("bulk_cancels.applied", id=barrier_id) if barrier_id is not None else []
    return int(jobs) + sum(int(more) for (more,) in applied)


async def count_stopping(tx: Tx, range_: JobRange, *, barrier: Barrier | None = None) -> int:
    """How many jobs of the range have started and not ended: those that including the running ones stops."""
    [(jobs,)] = await tx.all(
        "bulk_cancels.count_stopping",
        **bounds(range_, barrier.id if barrier else _NO_ID),
        accepted_at=barrier.accepted_at if barrier else tx.now,
    )
    return int(jobs)


async def set_matched(tx: Tx, barrier_id: int, matched: int) -> int:
    """The first count is stored, and returned; from now on the barrier is applied. With nothing to do it is closed."""
    row = await tx.one("bulk_cancels.set_matched", id=barrier_id, matched=matched, now=tx.now)
    return matched if row is None else int(*row)


async def covered_by_status(tx: Tx, organization_id: int) -> dict[str, int]:
    """How many aborted jobs there are whose rows still say this or that."""
    rows = await tx.all("bulk_cancels.covered_by_status", organization_id=organization_id)
    return {word: int(jobs) for word, jobs in rows}


async def add_applied(tx: Tx, barrier_id: int, jobs: int) -> None:
    """So many more of the barrier's jobs say so in their rows, or are gone."""
    await tx.run("bulk_cancels.add_applied", id=barrier_id, jobs=jobs)


async def close(tx: Tx, barrier_id: int) -> None:
    """Every row says what is true."""
    await tx.run("bulk_cancels.close", id=barrier_id, now=tx.now)


def bounds(range_: JobRange, barrier_id: int) -> dict[str, int]:
    """The parameters of a statement over the jobs of a barrier."""
    return {
        "organization_id": range_.organization_id,
        "created_from": range_.created_from,
        "created_to": range_.created_to,
        "id": barrier_id,
    }
