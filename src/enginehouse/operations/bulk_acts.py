"""Acts on many jobs by a rule: planned, accepted in one commit, done in the background, and taken back."""

from dataclasses import dataclass, replace
from typing import Final

from enginehouse.domain import bulk_acts
from enginehouse.domain.bulk_acts import MOST, UNDO, Act, Forecast, JobKind, SkipCount
from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotConfirmed, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobFilter
from enginehouse.domain.job_summary import JobSummary
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.operations import bounds, bulk_cancels, idempotency
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.work import MICROS
from enginehouse.storage.audit import entries
from enginehouse.storage.bulk_acts import acts, batches
from enginehouse.storage.bulk_acts.acts import ActRow, NewAct
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import job_numbers, pages, summaries

SAMPLE: Final = 10  # jobs that a plan shows
_READ_AT_ONCE: Final = 20_000
_ALWAYS: Final = 5_000_000_000_000_000  # µs, in the year 2128


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """What an act would do now, the newest of the jobs that it can change, and the time of the plan (µs)."""

    act: Act
    rule: JobFilter
    forecast: Forecast
    sample: tuple[tuple[JobSummary, bulk_acts.SkipReason | None], ...]
    planned_at: int

    @property
    def undo(self) -> Act | None:
        """What would take the act back."""
        return UNDO.get(self.act)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAct:
    """The state of an act: of `matched` jobs it has changed `applied`, and left `skipped` alone for these reasons.

    `ended_at` is when nothing of it was left to do. `undo` is what takes it back, None if nothing does or it is undone
    already: `undone_by` is the act that did. `replayed`: an earlier request with the same key did it.
    """

    id: int
    act: Act
    rule: JobFilter
    user_name: str | None
    accepted_at: int
    matched: int
    applied: int
    skipped: int
    skips: tuple[SkipCount, ...]
    ended_at: int | None
    undo: Act | None
    undo_of: int | None
    undone_by: int | None
    replayed: bool = False

    @property
    def left(self) -> int:
        """How many jobs have not had their turn. If the act has ended, they will have none."""
        return max(0, self.matched - self.applied - self.skipped)


async def plan(house: House, principal: Principal, act: Act, rule: JobFilter) -> BulkPlan:
    """Returns how many jobs the rule matches now, and what the act would do to them. Changes nothing.

    Raises InvalidInput with all problems of the rule.
    """
    require(principal, Role.USER)
    bounds.refuse(bulk_acts.problems(rule))
    owner, first = principal.organization_id, replace(_chosen(rule), descending=True, limit=SAMPLE)
    changeable = {JobStatus.FAILED} if act is Act.RETRY else set(JobStatus) - JOB_ENDED
    if likely := tuple(status for status in rule.statuses or JobStatus if status in changeable):
        first = replace(first, statuses=likely)

    async def look(tx: Tx) -> BulkPlan:
        kinds = [
            (JobKind(JobStatus(row.status), bool(row.started), bool(row.paused), bool(row.cancelled)), row.jobs)
            for row in await job_numbers.of(tx, owner, rule)
        ]
        found = await summaries.in_order(tx, owner, await pages.page(tx, owner, first))
        sample = tuple((job, bulk_acts.verdict(act, _kind(job))) for job in found)
        return BulkPlan(act, rule, bulk_acts.forecast(act, kinds), sample, tx.now)

    return await house.database.read(look)


@trail.mutation("actOnJobs", "BulkAct")
async def start(
    house: House,
    principal: Principal,
    act: Act,
    rule: JobFilter,
    *,
    confirmed: int | None = None,
    key: str | None = None,
) -> BulkAct:
    """The act is accepted for exactly the jobs that match now, and is done to each of them once, in the background.

    A cancel of a range of time is a bulk cancel: its jobs are aborted with the answer. Raises NotConfirmed if many jobs
    match and `confirmed` is less than their number, InvalidInput with all problems of the rule, CapacityExceeded,
    KeyReused.
    """
    require(principal, Role.USER)
    bounds.refuse(bulk_acts.problems(rule))
    rule = _chosen(rule)
    if act is Act.CANCEL and bulk_acts.is_range(rule):
        return await _cancel_range(house, principal, rule, confirmed, key)
    text = bulk_acts.encode(rule)
    request_key = idempotency.request_key(principal, "actOnJobs", key, {"act": act.value, "rule": text})
    if (earlier := await idempotency.earlier(house, request_key, int)) is not None:
        return replace(await get(house, principal, Ref.of(earlier)), replayed=True)
    ids = await house.database.read(lambda tx: _matching(tx, principal.organization_id, rule))
    if len(ids) > max(house.limits.unconfirmed_cancels, confirmed or 0):
        raise NotConfirmed(f"Would {act} {len(ids)} jobs; repeat with confirmCount: {len(ids)}.", count=len(ids))
    entry = trail.entry(
        principal, "actOnJobs", object_type="BulkAct", detail=f"{act} {len(ids)} jobs: {bulk_acts.in_words(rule)}"[:255]
    )
    new = NewAct(principal.organization_id, act, text, principal.user_id, principal.user_name, len(ids))

    async def accept(tx: Tx) -> int:
        act_id = await acts.insert(tx, new)
        await batches.insert(tx, act_id, ids, batches.SIZES[act])
        await entries.record(tx, [entry.about(act_id)])
        return act_id

    accepted = await idempotency.once(house, request_key, int, accept)
    house.listeners.act_accepted()
    return replace(await get(house, principal, Ref.of(accepted.value)), replayed=accepted.replayed)


async def _cancel_range(
    house: House, principal: Principal, rule: JobFilter, confirmed: int | None, key: str | None
) -> BulkAct:
    """The barrier carries the act out. A request that broke off in between finds it by its key."""
    cancel = await bulk_cancels.cancel_if_sure(
        house,
        principal,
        created_from=0 if rule.created_from is None else rule.created_from,
        created_to=_ALWAYS if rule.created_to is None else rule.created_to,
        confirmed=confirmed,
        key=key,
    )
    owner, name = principal.organization_id, principal.user_name
    new = NewAct(owner, Act.CANCEL, bulk_acts.encode(rule), principal.user_id, name, cancel.count, cancel.id)

    async def record(tx: Tx) -> int:
        return await acts.of_barrier(tx, owner, cancel.id) or await acts.insert(tx, new)

    act_id = await house.database.write(record)
    return replace(await get(house, principal, Ref.of(act_id)), replayed=cancel.replayed)


async def get(house: House, principal: Principal, ref: Ref) -> BulkAct:
    """Returns the current state of the act. Raises NotFound, also for a foreign one."""
    require(principal, Role.READER)

    async def look(tx: Tx) -> tuple[ActRow | None, tuple[SkipCount, ...]]:
        row = await acts.get(tx, principal.organization_id, ref.number)
        return row, tuple((await acts.skips(tx, [row.id]))[row.id]) if row is not None else ()

    row, skips = await house.database.peek(look)
    if row is None:
        raise NotFound("BulkAct", ref.text)
    return await _view(house, principal, row, skips)


async def list_(house: House, principal: Principal, *, limit: int = 30, offset: int = 0) -> list[BulkAct]:
    """Returns a page of the organization's acts, the newest first. Raises InvalidInput for a page out of bounds."""
    require(principal, Role.READER)
    bounds.page(offset, limit, largest=house.limits.page_size)

    async def look(tx: Tx) -> tuple[list[ActRow], dict[int, list[SkipCount]]]:
        rows = await acts.page(tx, principal.organization_id, limit=limit, offset=offset)
        return rows, await acts.skips(tx, [row.id for row in rows])

    rows, skips = await house.database.read(look)
    return [await _view(house, principal, row, tuple(skips.get(row.id, ()))) for row in rows]


@trail.mutation("undoBulkAct", "BulkAct", names="ref")
async def undo(house: House, principal: Principal, ref: Ref) -> BulkAct:
    """The act goes no further, and another one takes it back for exactly the jobs that it has changed.

    Returns the other act; a second call returns the same one. Raises InvalidInput for an act that nothing takes back,
    NotFound.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "undoBulkAct", object_type="BulkAct", object_id=ref.number)

    async def take_back(tx: Tx) -> tuple[int, bool]:
        row = await acts.lock(tx, principal.organization_id, ref.number)
        if row is None:
            raise NotFound("BulkAct", ref.text)
        if row.undone_by is not None:
            return row.undone_by, True
        opposite = UNDO.get(Act(row.act))
        if opposite is None or row.undo_of is not None:
            why = "it takes back another one" if row.undo_of is not None else "what it has ended does not run again"
            raise InvalidInput(f"A {row.act} cannot be undone: {why}.")
        changed = await acts.end(tx, row.id)
        owner, who = row.organization_id, (principal.user_id, principal.user_name)
        new = NewAct(owner, opposite, row.rule, *who, changed, undo_of=row.id)
        undo_id = await acts.insert(tx, new)
        await batches.copy_applied(tx, row.id, undo_id)
        await entries.record(tx, [entry])
        return undo_id, False

    undo_id, replayed = await house.database.write(take_back)
    house.listeners.act_accepted()
    return replace(await get(house, principal, Ref.of(undo_id)), replayed=replayed)


async def prune(house: House, *, now: int, limit: int) -> int:
    """Deletes acts that ended longer ago than jobs are kept, a bounded part. Returns how many rows were deleted."""
    before = now - house.limits.retention_seconds * MICROS
    return await house.database.write(lambda tx: acts.prune(tx, before=before, limit=limit))


def _chosen(rule: JobFilter) -> JobFilter:
    """Returns the rule without an order and a page."""
    return replace(rule, order_by="created_at", descending=False, above=None, below=None, offset=0, limit=_READ_AT_ONCE)


async def _matching(tx: Tx, organization_id: int, rule: JobFilter) -> list[int]:
    """Returns the ids of the jobs that match on this snapshot, in order. Raises CapacityExceeded for too many."""
    found = list[int]()
    while True:
        some = await pages.page(tx, organization_id, replace(rule, above=found[-1] if found else None))
        found += some
        if len(some) < rule.limit:
            return found
        if len(found) > MOST:
            raise CapacityExceeded(f"The rule matches more than {MOST} jobs. Narrow it, for example by time.")


def _kind(job: JobSummary) -> JobKind:
    return JobKind(job.status, job.started, job.paused_at is not None, job.cancelled)


async def _view(house: House, principal: Principal, row: ActRow, skips: tuple[SkipCount, ...]) -> BulkAct:
    matched, applied, ended_at = row.matched, row.applied, row.ended_at
    if row.barrier_id is not None:
        barrier = await bulk_cancels.get(house, principal, Ref.of(row.barrier_id))
        matched, applied, ended_at = barrier.count, barrier.applied, barrier.applied_at
    undo = None if row.undone_by is not None or row.undo_of is not None else UNDO.get(Act(row.act))
    return BulkAct(
        id=row.id,
        act=Act(row.act),
        rule=bulk_acts.decode(row.rule),
        user_name=row.user_name,
        accepted_at=row.accepted_at,
        matched=matched,
        applied=applied,
        skipped=row.skipped,
        skips=skips,
        ended_at=ended_at,
        undo=undo,
        undo_of=row.undo_of,
        undone_by=row.undone_by,
    )
