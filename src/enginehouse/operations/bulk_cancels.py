"""Cancels any number of jobs: accepted in one short commit, counted at once, applied in the background."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, NotConfirmed, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.operations import idempotency
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.bulk_cancels import barriers, batches
from enginehouse.storage.bulk_cancels.barriers import Barrier, JobRange
from enginehouse.storage.bulk_cancels.batches import Walk
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import RequestKey

# Rows that one transaction changes: this takes a SQLite writer 13 to 20 ms, while claims and creations wait.
BATCH: Final = 2_000
# Transactions at a time. PostgreSQL uses one core for each; of the three writing connections one is left for others.
_LANES: Final = 2
_STOPPED_AT_ONCE: Final = 200
# The server that accepts a bulk cancel also counts it. After this time (µs) another server counts instead.
_COUNTED_WITHIN: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkCancel:
    """The state of a bulk cancel: it has aborted `count` jobs, and `applied` of their rows are updated.

    `stopping`: how many started jobs must still stop; None unless the request included running jobs. `applied_at` is
    when the last row was updated; until then it is None, but every read already shows the jobs as aborted. `replayed`:
    an earlier request with the same key did it.
    """

    id: int
    organization_id: int
    created_from: int
    created_to: int
    accepted_at: int
    count: int
    applied: int
    applied_at: int | None
    stopping: int | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a bulk cancel would do now: how many jobs it would abort, and how many started ones it would stop."""

    count: int
    stopping: int | None


async def preview(
    house: House, principal: Principal, *, created_from: int, created_to: int, include_running: bool = False
) -> Preview:
    """Returns how many jobs of the organization would be cancelled. Changes nothing."""
    require(principal, Role.USER)
    range_ = _range(principal, created_from, created_to)

    async def count(tx: Tx) -> Preview:
        stopping = await barriers.count_stopping(tx, range_) if include_running else None
        return Preview(await barriers.count(tx, range_), stopping)

    return await house.database.read(count)


@trail.mutation("cancelJobs", "BulkCancel")
async def cancel(
    house: House,
    principal: Principal,
    *,
    created_from: int,
    created_to: int,
    include_running: bool = False,
    key: str | None = None,
) -> BulkCancel:
    """Aborts every cancellable job of the organization that was created in the range (µs, both inclusive).

    From the commit of one row on none of them starts, and every read shows it; `count` is exact for that moment. With
    `include_running` jobs that have started are stopped too. A repeated request with the same `key` returns the current
    state of the first. Raises InvalidInput if the bounds are in the wrong order.
    """
    require(principal, Role.USER)
    range_ = _range(principal, created_from, created_to)

    said = f"created {times.rest(created_from)} to {times.rest(created_to)}"
    entry = trail.entry(
        principal,
        "cancelJobs",
        object_type="BulkCancel",
        detail=f"{said}, running ones too" if include_running else said,
    )

    async def accept(tx: Tx) -> int:
        barrier_id = await barriers.accept(tx, range_, include_running=include_running, created_by=principal.user_id)
        await entries.record(tx, [entry.about(barrier_id)])
        return barrier_id

    request_key = _request_key(principal, range_, include_running, key)
    accepted = await idempotency.once(house, request_key, int, accept, urgent=True)
    if not accepted.replayed:
        house.watches.many_changed()
        await _count(house, range_, accepted.value)
        house.listeners.accepted()
    return replace(await get(house, principal, Ref.of(accepted.value)), replayed=accepted.replayed)


@trail.mutation("cancelJobs", "BulkCancel")
async def cancel_if_sure(
    house: House,
    principal: Principal,
    *,
    created_from: int,
    created_to: int,
    include_running: bool = False,
    confirmed: int | None = None,
    key: str | None = None,
) -> BulkCancel:
    """Like `cancel`, but raises NotConfirmed if it would cancel many jobs and `confirmed` is less than their number."""
    require(principal, Role.USER)
    range_ = _range(principal, created_from, created_to)
    if await idempotency.earlier(house, _request_key(principal, range_, include_running, key), int) is None:
        estimate = await preview(
            house, principal, created_from=created_from, created_to=created_to, include_running=include_running
        )
        many = estimate.count + (estimate.stopping or 0)
        if many > max(house.limits.unconfirmed_cancels, confirmed or 0):
            raise NotConfirmed(f"Would cancel {many} jobs; repeat with confirmCount: {many}.", count=many)
    return await cancel(
        house, principal, created_from=created_from, created_to=created_to, include_running=include_running, key=key
    )


def _request_key(principal: Principal, range_: JobRange, include_running: bool, key: str | None) -> RequestKey | None:
    request = {"from": range_.created_from, "to": range_.created_to, "running": include_running}
    return idempotency.request_key(principal, "cancelJobs", key, request)


async def get(house: House, principal: Principal, ref: Ref) -> BulkCancel:
    """Returns the current state of the bulk cancel. Raises NotFound."""
    require(principal, Role.READER)

    async def look(tx: Tx) -> tuple[Barrier | None, int | None]:
        barrier = await barriers.get(tx, principal.organization_id, ref.number)
        if barrier is None or not barrier.include_running:
            return barrier, None
        return barrier, await barriers.count_stopping(tx, barrier.range, barrier=barrier)

    barrier, stopping = await house.database.read(look)
    if barrier is None:
        raise NotFound("Bulk cancel", ref.text)
    count = barrier.matched
    if count is None:
        # It is accepted and not counted: the server that accepted it is gone, or still counts.
        count = await _count(house, barrier.range, barrier.id)
    return BulkCancel(
        id=barrier.id,
        organization_id=barrier.range.organization_id,
        created_from=barrier.range.created_from,
        created_to=barrier.range.created_to,
        accepted_at=barrier.accepted_at,
        count=count,
        applied=barrier.applied,
        applied_at=barrier.applied_at,
        stopping=stopping,
    )


async def apply(house: House, *, limit: int = BATCH) -> bool:
    """Works on the first open bulk cancel of every organization: stops running jobs and updates rows.

    Each batch is a separate transaction. If this process ends, another call in any process continues from the state of
    the rows. Returns True if there may be more to do at once.
    """
    more = False
    for barrier in await house.database.glance(barriers.open_ones):
        more |= await _apply(house, barrier, limit)
    return more


async def _apply(house: House, barrier: Barrier, limit: int) -> bool:
    if barrier.matched is None:
        return await _count_for_another(house, barrier)
    while barrier.include_running and await _stop(house, barrier):
        pass
    walk = Walk(barrier.range.created_from)

    async def batch(tx: Tx) -> int:
        return await batches.apply(tx, barrier, walk, limit=limit)

    async def lane() -> None:
        while await house.database.write(batch):
            pass

    lanes = [lane() for _ in range(_LANES if house.database.dialect == "postgres" else 1)]
    for trouble in await asyncio.gather(*lanes, return_exceptions=True):
        if trouble is not None:
            raise trouble
    await house.database.write(lambda tx: batches.apply_rest(tx, barrier, limit=limit))
    return True  # there may be jobs left, or another bulk cancel of this organization


async def _stop(house: House, barrier: Barrier) -> bool:
    """Cancels a bounded batch of started jobs and stops their attempts. Returns False if there was none."""
    left = await house.database.write(lambda tx: batches.stop_running(tx, barrier, limit=_STOPPED_AT_ONCE))
    running = [job_id for job_id, attempts in left.items() if attempts]
    ended = [job_id for job_id, attempts in left.items() if not attempts]
    if running:
        house.listeners.stopping(running)
    if ended:
        house.listeners.cancelled(ended)
        house.listeners.ended(ended)
    return bool(left)


async def _count_for_another(house: House, barrier: Barrier) -> bool:
    """Counts the bulk cancel if the server that accepted it has not done so in time."""
    if await house.database.write(lambda tx: tx.read_clock()) < barrier.accepted_at + _COUNTED_WITHIN:
        return False
    await _count(house, barrier.range, barrier.id)
    return True


async def _count(house: House, range_: JobRange, barrier_id: int) -> int:
    """Counts, and stores the count in the barrier's row. Rows change only afterwards, so the count is exact."""
    jobs = await house.database.read(lambda tx: barriers.count(tx, range_, barrier_id))
    return await house.database.write(lambda tx: barriers.set_matched(tx, barrier_id, jobs))


def _range(principal: Principal, created_from: int, created_to: int) -> JobRange:
    if created_from > created_to:
        raise InvalidInput("createdBefore must be after createdAfter.")
    return JobRange(organization_id=principal.organization_id, created_from=created_from, created_to=created_to)
