"""Cancelling by the million: accepted in one short commit, counted at once, settled in the background."""

from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import InvalidInput, NotConfirmed, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import barriers
from enginehouse.storage.barriers import Barrier, Batch, Range
from enginehouse.storage.database import Tx

# Rows a transaction settles: 20 to 30 ms of a SQLite writer, which claims and creates wait for meanwhile.
BATCH: Final = 2_000
# Whoever accepted a bulk cancel counts it; after so long it is held to have died before it could.
_COUNTED_WITHIN: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkCancel:
    """A bulk cancel as it stands: `count` jobs aborted by it, of whose rows `settled` say so by now.

    `stopping`: how many jobs that had started are still to stop; only where those were asked for. `settled_at` is None
    until every row says what is true; nothing but the rows waits for that.
    """

    id: int
    organization_id: int
    created_from: int
    created_to: int
    accepted_at: int
    count: int
    settled: int
    settled_at: int | None
    stopping: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a bulk cancel would do now: how many jobs it would abort, and how many running ones it would stop."""

    count: int
    stopping: int | None


async def preview(
    house: House, principal: Principal, *, created_from: int, created_to: int, include_running: bool = False
) -> Preview:
    """How many jobs of the organization would be cancelled; nothing is."""
    require(principal, Role.USER)
    wanted = _range(principal, created_from, created_to)

    async def count(tx: Tx) -> Preview:
        stopping = await barriers.count_stopping(tx, wanted) if include_running else None
        return Preview(await barriers.count(tx, wanted), stopping)

    return await house.database.read(count)


async def cancel(
    house: House,
    principal: Principal,
    *,
    created_from: int,
    created_to: int,
    include_running: bool = False,
) -> BulkCancel:
    """Every job of the organization created in the range (µs, both included) that could be cancelled is aborted.

    From the commit of one row on none of them starts, and every read says so; `count` is exact for that moment. With
    `include_running` the jobs that had started are stopped too. Raises InvalidInput for bounds the wrong way round.
    """
    require(principal, Role.USER)
    wanted = _range(principal, created_from, created_to)
    barrier_id = await house.database.write(
        lambda tx: barriers.accept(tx, wanted, include_running=include_running, created_by=principal.user_id)
    )
    await _count(house, wanted, barrier_id)
    house.listeners.accepted()
    return await get(house, principal, barrier_id)


async def get(house: House, principal: Principal, barrier_id: int, shown: str = "") -> BulkCancel:
    """How far the bulk cancel has come. Raises NotFound."""
    require(principal, Role.READER)

    async def look(tx: Tx) -> tuple[Barrier | None, int | None]:
        found = await barriers.get(tx, principal.organization_id, barrier_id)
        if found is None or not found.include_running:
            return found, None
        return found, await barriers.count_stopping(tx, found.range, barrier=found)

    barrier, stopping = await house.database.read(look)
    if barrier is None:
        raise NotFound("Bulk cancel", shown or barrier_id)
    count = barrier.matched
    if count is None:
        # Accepted and not counted: the server that was about to is gone, or has it in hand.
        count = await _count(house, barrier.range, barrier.id)
    return BulkCancel(
        id=barrier.id,
        organization_id=barrier.range.organization_id,
        created_from=barrier.range.created_from,
        created_to=barrier.range.created_to,
        accepted_at=barrier.accepted_at,
        count=count,
        settled=barrier.settled,
        settled_at=barrier.settled_at,
        stopping=stopping,
    )


def refuse_unconfirmed(house: House, found: Preview, confirmed: int | None) -> None:
    """Raises NotConfirmed where many jobs would be cancelled and the caller has not said that it knows how many."""
    many = found.count + (found.stopping or 0)
    if many > max(house.limits.unconfirmed_cancels, confirmed or 0):
        raise NotConfirmed(f"Would cancel {many} jobs; repeat with confirmCount: {many}.", count=many)


async def settle(house: House, *, limit: int = BATCH) -> bool:
    """A turn at every organization's first open bulk cancel: running jobs are told to stop, rows say what is true.

    Each batch is a transaction of its own and may be the last one of this process: another turn, in any process, goes
    on from what the rows say. True when there is more to do at once.
    """
    more = False
    for barrier in await house.database.glance(barriers.open_ones):
        more |= await _settle(house, barrier, limit)
    return more


async def _settle(house: House, barrier: Barrier, limit: int) -> bool:
    if barrier.matched is None:
        return await _count_for_another(house, barrier)
    shard, since = house.shard(), barrier.range.created_from

    async def batch(tx: Tx) -> Batch:
        return await barriers.settle(tx, barrier, since=since, limit=limit, shard=shard)

    while (done := await house.database.write(batch)).settled:
        since = done.reached
    return not await house.database.write(lambda tx: barriers.settle_rest(tx, barrier, limit=limit, shard=shard))


async def _count_for_another(house: House, barrier: Barrier) -> bool:
    """It is counted by now, if whoever accepted it has had the time to."""
    if await house.database.write(lambda tx: tx.read_clock()) < barrier.accepted_at + _COUNTED_WITHIN:
        return False
    await _count(house, barrier.range, barrier.id)
    return True


async def _count(house: House, wanted: Range, barrier_id: int) -> int:
    """The count stands in the barrier's row; settling begins only then, so it is that of the moment of acceptance."""
    found = await house.database.read(lambda tx: barriers.count(tx, wanted, barrier_id))
    return await house.database.write(lambda tx: barriers.set_matched(tx, barrier_id, found))


def _range(principal: Principal, created_from: int, created_to: int) -> Range:
    if created_from > created_to:
        raise InvalidInput("createdBefore must be after createdAfter.")
    return Range(organization_id=principal.organization_id, created_from=created_from, created_to=created_to)
