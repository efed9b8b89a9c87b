"""Cancels a scheduled job: it stops firing, and its jobs that may still be cancelled are cancelled."""

from dataclasses import dataclass
from typing import Final

import msgspec

from enginehouse.domain.audit import Entry
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.operations import owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.schedules.schedules import KIND, SCHEDULE
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import cancellation
from enginehouse.storage.schedules import jobs
from enginehouse.storage.schedules import schedules as storage

BATCH: Final = 500  # jobs that one transaction cancels, while others wait
_CANCELLED: Final = "cancelled"  # the reason of queued slots that are skipped


@dataclass(frozen=True, slots=True)
class ScheduleCancel:
    """How many jobs this call has cancelled; `stopping`: how many of their attempts must still stop."""

    count: int
    stopping: int


@dataclass(frozen=True, slots=True)
class _Batch:
    cancelled: list[int]
    stopping: dict[int, int]
    last: int | None
    until: int


@trail.mutation("cancelScheduledJob", SCHEDULE, names="ref")
async def cancel(house: House, principal: Principal, ref: Ref, *, include_running: bool = False) -> ScheduleCancel:
    """Deactivates the schedule with the first commit, and aborts its jobs that may still be cancelled.

    It works in batches. If a batch fails, a second call cancels the rest. Jobs that have started continue, unless
    `include_running` stops them. Raises NotFound, NotAllowed for a public one of another organization.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "cancelScheduledJob", object_type=SCHEDULE, object_id=ref.number)

    async def begin(tx: Tx) -> _Batch:
        await _deactivate(tx, principal, ref)
        return await _cancel(tx, principal, ref.number, entry, 0, tx.now, include_running=include_running)

    batch = await house.database.write_work(begin)
    count = stopping = 0
    while True:
        _notify(house, batch)
        count += len(batch.cancelled) + len(batch.stopping)
        stopping += sum(batch.stopping.values())
        if batch.last is None:
            return ScheduleCancel(count, stopping)
        after, until = batch.last, batch.until

        async def go_on(tx: Tx, after: int = after, until: int = until) -> _Batch:
            return await _cancel(tx, principal, ref.number, entry, after, until, include_running=include_running)

        batch = await house.database.write_work(go_on)


async def _deactivate(tx: Tx, principal: Principal, ref: Ref) -> None:
    """Deactivates the schedule. Afterwards `tx.now` is later than the last job that it has started."""
    old = await owned.locked(tx, KIND, principal, ref)
    # The clock is read after the lock: the last firing has committed by then, and its jobs must be cancelled too.
    await tx.read_clock()
    if old.is_active:
        await storage.update(tx, old, msgspec.structs.replace(old, is_active=False, next_at=None))
    await storage.drop_queued(tx, old.id, _CANCELLED)


async def _cancel(
    tx: Tx,
    principal: Principal,
    schedule_id: int,
    entry: Entry,
    after: int,
    until: int,
    *,
    include_running: bool,
) -> _Batch:
    """Cancels the next jobs after `after`, if they may be cancelled."""
    owner = principal.organization_id
    job_ids = await jobs.not_ended(tx, owner, schedule_id, after=after, until=until, limit=BATCH)
    pairs = [(job_id, owner) for job_id in job_ids]
    verdicts = await cancellation.cancel(tx, pairs, include_running=include_running) if pairs else []
    changed = [(job_id, verdict) for job_id, verdict in zip(job_ids, verdicts, strict=True) if verdict and verdict.done]
    cancelled = [job_id for job_id, verdict in changed if not verdict.stopping]
    stopping = {job_id: verdict.stopping for job_id, verdict in changed if verdict.stopping}
    if changed or not after:
        await entries.record(tx, [entry.about(schedule_id, detail=f"{len(changed)} of its jobs cancelled")])
    return _Batch(cancelled, stopping, job_ids[-1] if len(job_ids) == BATCH else None, until)


def _notify(house: House, batch: _Batch) -> None:
    for job_id in batch.cancelled:
        house.plans.forget(job_id)
    if batch.cancelled:
        house.listeners.cancelled(batch.cancelled)
        house.listeners.ended(batch.cancelled)
    if batch.stopping:
        house.listeners.stopping(list(batch.stopping))
