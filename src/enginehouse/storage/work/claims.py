"""Claims: leases the first items of the lanes in turn, within the limits, if their jobs may run."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.event import Detail
from enginehouse.domain.fair_order import Waiting, choose
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.quotas import Lane
from enginehouse.domain.resources import Room
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.totals import LEASES
from enginehouse.domain.work import ItemKey, ItemSource, Lease, seat
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import TOKENS_AT_ONCE, Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import job_locks, lanes, quotas
from enginehouse.storage.work import settlement as work_settlement
from enginehouse.storage.work.job_locks import LockedJob
from enginehouse.storage.work.lanes import SPARE, FirstItems, Queue

LIMITS_LOCK: Final = "limits"


class LeaseRow(NamedTuple):
    """An item that is leased, and the changing part of its task before that."""

    job_id: int
    ordinal: int
    item: int
    token: int
    organization_id: int
    engine_id: str
    attempts: int
    folder: int
    source_ordinal: int
    source_folder: int
    source_item: int
    source_part: int
    lease_until: int
    status: str
    waits_for: int
    items: int
    items_open: int
    items_running: int
    items_failed: int
    failure_reason: str | None
    failure_message: str | None
    attempts_before: int
    deleted_at: int | None


class OwnLease(NamedTuple):
    """A lease that a worker holds."""

    job_id: int
    ordinal: int
    item: int
    token: int
    organization_id: int
    engine_id: str
    attempts: int
    folder: int
    source_ordinal: int
    source_folder: int
    source_item: int
    source_part: int
    lease_until: int
    target_id: int | None
    plan_revision: int


_OWN: Final = Select("work.own_leases", OwnLease)
_LEASE: Final = Select(shape("work.lease_items", ()), LeaseRow)
_LEASE_FOR_TOKEN: Final = Select(shape("work.lease_items", ["for_token"]), LeaseRow)
_FREE: Final = Select(shape("work.free_items", ()), LeaseRow)
_FREE_FOR_TOKEN: Final = Select(shape("work.free_items", ["for_token"]), LeaseRow)


async def claimable(tx: Tx, queue: Queue, *, pool: str, limit: int) -> tuple[list[ItemKey], dict[int, LockedJob]]:
    """Returns up to `limit` items in the order in which they start, and the locked rows of their jobs.

    The barrier lock must be held. Jobs that may not run, or that another transaction holds, are skipped and replaced by
    others, so that they do not block slots.
    """
    queue.more = False
    first = await lanes.first_items(tx, queue, pool=pool, limit=limit)
    in_force = first.quotas
    if in_force.limited:
        # Two concurrent claims could both see the last free place. Without limits no claim waits here.
        await tx.lock(LIMITS_LOCK)
        in_force = await quotas.count_live(tx, in_force)
    waiting = await _uncovered(tx, first) if first.barred else first.lanes
    jobs = dict[int, LockedJob]()
    while True:
        chosen = choose(waiting, in_force, queue.level, limit=limit + SPARE, more=first.more)
        new = {item.job_id for _, item in chosen} - jobs.keys()
        if new:
            jobs |= await job_locks.lock_claimable(tx, new)
        free = [(lane, item) for lane, item in chosen if item.job_id in jobs]
        fit, full = _with_room(queue.room, free)
        refused = new - jobs.keys()
        if not (refused or full) or len(fit) >= limit:
            break
        kept = set(fit)
        waiting = {
            lane: [item for item in items if lane not in full or item in kept]
            for lane, items in lanes.without(waiting, refused).items()
        }
    if len(fit) < limit:
        queue.stale = True
        taken = Counter(lane for lane, _ in chosen)
        queue.more = any(taken[lane] >= len(waiting[lane]) for lane in first.more)
    return [ItemKey(item.job_id, item.ordinal, item.item) for item in fit[:limit]], jobs


def _with_room(room: Room | None, chosen: Sequence[tuple[Lane, Waiting]]) -> tuple[list[Waiting], set[Lane]]:
    """Returns the items that have room beside each other, and the lanes of those that have none."""
    if room is None:
        return [item for _, item in chosen], set()
    fit = room.first_that_fit(lane.engine_id for lane, _ in chosen)
    pairs = list(zip(chosen, fit, strict=True))
    return [item for (_, item), fits in pairs if fits], {lane for (lane, _), fits in pairs if not fits}


async def _uncovered(tx: Tx, first: FirstItems) -> dict[Lane, list[Waiting]]:
    """Returns the items that no open bulk cancel covers: a million covered items must not fill the claim."""
    ids = {item.job_id for lane, items in first.lanes.items() if lane.organization_id in first.barred for item in items}
    free = {job_id for (job_id,) in await tx.all("lanes.uncovered", ids=sorted(ids))}
    return lanes.without(first.lanes, ids - free)


class Taker(NamedTuple):
    """A worker that takes up to `limit` items."""

    worker: str
    limit: int


async def claim(
    tx: Tx,
    plans: Plans,
    *,
    pool: str,
    limit: int,
    worker: str,
    lease_micros: int,
    queue: Queue | None = None,
    token_id: str | None = None,
) -> list[Lease]:
    """Leases up to `limit` items of the pool to `worker`, as `claim_each` does. Returns the leases in order."""
    takers, queue = [Taker(worker, limit)], queue or Queue()
    [leases] = await claim_each(tx, plans, takers, pool=pool, lease_micros=lease_micros, queue=queue, token_id=token_id)
    return leases


async def claim_each(
    tx: Tx,
    plans: Plans,
    takers: Sequence[Taker],
    *,
    pool: str,
    lease_micros: int,
    queue: Queue,
    token_id: str | None = None,
) -> list[list[Lease]]:
    """Leases the next items of the pool to the takers in turn; their tasks and jobs run. Returns the leases of each.

    Never waits for an item or a job: those that another transaction holds are skipped. The guarantee depends on the
    order of the statements: barrier lock, items, jobs in a later statement, and only then the guarded update. `queue`
    is what this process knows of the pool; afterwards its `more` says if items are left. With a `token_id` only what
    this token for workers allows is leased.
    """
    barrier_lock.require_shared(tx)
    if queue.stale and not queue.see_promises():
        await tx.read_clock()
        queue.see(await lanes.look(tx, pool=pool), began=0.0, ended=0.0)
    limit = min(sum(taker.limit for taker in takers), TOKENS_AT_ONCE)
    keys, jobs = await claimable(tx, queue, pool=pool, limit=limit)
    if not keys:
        return [[] for _ in takers]
    loaded = await plans.load(tx, job_locks.revisions(jobs[job_id] for job_id in {key.job_id for key in keys}))
    dealt = dict(zip(keys, _turns(takers), strict=False))
    workers = {key: takers[number].worker for key, number in dealt.items()}
    until = tx.now + lease_micros  # `now` was read with the items
    leases: list[list[Lease]] = [[] for _ in takers]
    for one in await lease(tx, keys, jobs, loaded, workers=workers, until=until, token_id=token_id):
        leases[dealt[one.key]].append(one)
    return leases


def _turns(takers: Sequence[Taker]) -> Iterator[int]:
    """Yields the numbers of the takers in turn, each as often as its limit."""
    left = {number: taker.limit for number, taker in enumerate(takers) if taker.limit > 0}
    while left:
        rounds = min(left.values())
        for _ in range(rounds):
            yield from left
        left = {number: more - rounds for number, more in left.items() if more > rounds}


async def lease(
    tx: Tx,
    keys: Sequence[ItemKey],
    jobs: dict[int, LockedJob],
    loaded: dict[int, tuple[Plan, Edges]],
    *,
    workers: Mapping[ItemKey, str],
    until: int,
    token_id: str | None = None,
) -> list[Lease]:
    """Leases those of the items that are free to their workers; their tasks and jobs run. Returns the leases in order.

    `jobs` are their locked jobs, which may start something. There are at most TOKENS_AT_ONCE items.
    """
    rows = await _take(tx, keys, workers, until, token_id)
    leases = [_lease(row, loaded[row.job_id][0], jobs[row.job_id].target_id) for row in rows]
    await _record_starts(tx, rows, jobs, loaded, workers)
    for engine_id, number in Counter([row.engine_id for row in rows]).items():
        tx.facts.totals.add(LEASES, engine_id, by=number)
    order = {key: i for i, key in enumerate(keys)}
    leases.sort(key=lambda lease: order[lease.key])
    return leases


async def _take(
    tx: Tx, keys: Sequence[ItemKey], workers: Mapping[ItemKey, str], until: int, token_id: str | None
) -> list[LeaseRow]:
    """Returns those of the items that were free. Now they are leased."""
    first = await tx.tokens(len(keys))
    wanted = [
        (*key, first + i, until, workers[key], seat(workers[key]), tx.now, token_id) for i, key in enumerate(keys)
    ]
    if tx.dialect == "postgres":
        return await (_LEASE if token_id is None else _LEASE_FOR_TOKEN).each(tx, wanted)
    rows = await (_FREE if token_id is None else _FREE_FOR_TOKEN).each(tx, wanted)
    given = dict(zip(keys, wanted, strict=True))
    await tx.many("work.lease", [(*given[ItemKey(*row[:3])][:6], tx.now) for row in rows])
    return rows


def _lease(row: LeaseRow | OwnLease, plan: Plan, target_id: int | None) -> Lease:
    return Lease(
        key=ItemKey(row.job_id, row.ordinal, row.item),
        token=row.token,
        organization_id=row.organization_id,
        engine_id=row.engine_id,
        attempt=row.attempts,
        source=ItemSource(row.folder, row.source_ordinal, row.source_folder, row.source_item, row.source_part),
        until=row.lease_until,
        plan=plan,
        target_id=target_id,
    )


async def own(tx: Tx, plans: Plans, worker: str, leases: Sequence[tuple[ItemKey, int]]) -> list[Lease]:
    """Returns those of the leases that the worker still holds."""
    rows = await _OWN.each(tx, [(*key, token, worker) for key, token in leases])
    loaded = await plans.load(tx, {row.job_id: row.plan_revision for row in rows})
    return [_lease(row, loaded[row.job_id][0], row.target_id) for row in rows if row.job_id in loaded]


async def _record_starts(
    tx: Tx,
    rows: Sequence[LeaseRow],
    jobs: dict[int, LockedJob],
    loaded: dict[int, tuple[Plan, Edges]],
    workers: Mapping[ItemKey, str],
) -> None:
    settlements: dict[int, Settlement] = {}
    started: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        job_id, ordinal = row.job_id, row.ordinal
        settlement = settlements.get(job_id)
        if settlement is None:
            settlement = settlements[job_id] = Settlement(
                job_locks.state(jobs[job_id]), {}, *loaded[job_id], now=tx.now
            )
        if ordinal not in settlement.tasks:
            settlement.tasks[ordinal] = work_settlement.task_state(row)
        settlement.claimed(ordinal, Detail(worker=workers[ItemKey(job_id, ordinal, row.item)], attempt=row.attempts))
        started[job_id, ordinal] += 1
    await work_settlement.write(tx, list(settlements.values()), started=started)


async def mark_queued(tx: Tx, *, pool: str, limit: int) -> int:
    """Sets up to `limit` tasks with runnable items to `queued`, with their jobs' counts and statuses."""
    now = await tx.read_clock()
    keys = await lanes.unmarked(tx, pool=pool, limit=limit)
    if not keys:
        return 0
    locked = await job_locks.lock(tx, {job_id for job_id, _ in keys})
    jobs = {job_id: job for job_id, job in locked.items() if not job.cancelled and not job.halted}
    loaded = await Plans().load(tx, job_locks.revisions(jobs.values()))
    tasks = await work_settlement.task_states(tx, keys)
    settlements = []
    for job_id, job in jobs.items():
        settlement = Settlement(job_locks.state(job), tasks[job_id], *loaded[job_id], now=now)
        settlement.queued()
        settlements.append(settlement)
    await work_settlement.write(tx, settlements)
    return sum(len(settlement.changed) for settlement in settlements)
