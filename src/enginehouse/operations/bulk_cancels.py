"""Cancelling by the million: accepted in one short commit, counted at once, applied in the background."""

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
from enginehouse.storage.bulk_cancels.batches import Batch
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import RequestKey

# Rows a transaction changes: 20 to 30 ms of a SQLite writer, which claims and creates wait for meanwhile.
BATCH: Final = 2_000
_STOPPED_AT_ONCE: Final = 200
# Whoever accepted a bulk cancel counts it; after so long it is held to have died before it could.
_COUNTED_WITHIN: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkCancel:
    """A bulk cancel as it stands: `count` jobs aborted by it, of whose rows `applied` say so by now.

    `stopping`: how many jobs that had started are still to stop; only where those were asked for. `applied_at` is None
    until every row says what is true; nothing but the rows waits for that. `replayed`: it had been done before.
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
    """What a bulk cancel would do now: how many jobs it would abort, and how many running ones it would stop."""

    count: int
    stopping: int | None


async def preview(
    house: House, principal: Principal, *, created_from: int, created_to: int, include_running: bool = False
) -> Preview:
    """How many jobs of the organization would be cancelled; nothing is."""
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
    """Every job of the organization created in the range (µs, both included) that could be cancelled is aborted.

    From the commit of one row on none of them starts, and every read says so; `count` is exact for that moment. With
    `include_running` the jobs that had started are stopped too. A request with a `key` that was done already is
    answered as it stands. Raises InvalidInput for bounds the wrong way round.
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

    accepted = await idempotency.once(house, _request_key(principal, range_, include_running, key), int, accept)
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
    """As `cancel`, for a caller that has to know how many jobs it cancels. Raises NotConfirmed when it does not."""
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
    """How far the bulk cancel has come. Raises NotFound."""
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
        # Accepted and not counted: the server that was about to is gone, or has it in hand.
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
    """A turn at every organization's first open bulk cancel: running jobs are told to stop, rows say what is true.

    Each batch is a transaction of its own and may be the last one of this process: another turn, in any process, goes
    on from what the rows say. True when it is worth looking again at once.
    """
    more = False
    for barrier in await house.database.glance(barriers.open_ones):
        more |= await _apply(house, barrier, limit)
    return more


async def _apply(house: House, barrier: Barrier, limit: int) -> bool:
    if barrier.matched is None:
        return await _count_for_another(house, barrier)
    since = barrier.range.created_from
    while barrier.include_running and await _stop(house, barrier):
        pass

    async def batch(tx: Tx) -> Batch:
        return await batches.apply(tx, barrier, since=since, limit=limit)

    while (applied := await house.database.write(batch)).applied:
        since = applied.reached
    await house.database.write(lambda tx: batches.apply_rest(tx, barrier, limit=limit))
    return True  # there may be something left, or another one of this organization


async def _stop(house: House, barrier: Barrier) -> bool:
    """A bounded batch of jobs that had started is cancelled, and what runs told to stop. False: there was none."""
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
    """It is counted, if the server that accepted it had the time to."""
    if await house.database.write(lambda tx: tx.read_clock()) < barrier.accepted_at + _COUNTED_WITHIN:
        return False
    await _count(house, barrier.range, barrier.id)
    return True


async def _count(house: House, range_: JobRange, barrier_id: int) -> int:
    """The count stands in the barrier's row; it is applied only then, so it is that of the moment of acceptance."""
    jobs = await house.database.read(lambda tx: barriers.count(tx, range_, barrier_id))
    return await house.database.write(lambda tx: barriers.set_matched(tx, barrier_id, jobs))


def _range(principal: Principal, created_from: int, created_to: int) -> JobRange:
    if created_from > created_to:
        raise InvalidInput("createdBefore must be after createdAfter.")
    return JobRange(organization_id=principal.organization_id, created_from=created_from, created_to=created_to)
