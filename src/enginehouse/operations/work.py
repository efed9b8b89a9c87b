"""The operations of a worker: claim, heartbeat, finish; and the inputs of a claimed item."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from enginehouse.domain.artifact import Artifact, pushed_folder
from enginehouse.domain.quotas import obstacles
from enginehouse.domain.work import WHOLE, Accepted, Answer, Done, ItemKey, Lease, Report, Stale
from enginehouse.operations import claims, push_waits
from enginehouse.operations.claims import Claiming
from enginehouse.operations.house import House
from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import stops
from enginehouse.storage.work import claims as storage_claims
from enginehouse.storage.work import lanes, quotas
from enginehouse.storage.work import leases as work_leases
from enginehouse.storage.work.lanes import Outlook, Queue

MICROS = 1_000_000


async def ready(house: House, *, pool: str, queue: Queue | None = None) -> bool:
    """True if an item of the pool may start now: not paused, not at a limit. Another claim may still hold its job.

    While the known lanes fill the claims, the result mostly comes from memory. `queue`: what another worker than that
    of this process knows of the pool.
    """
    queue, began = queue or house.queues[pool], time.monotonic()
    if queue.fresh(began):
        return True
    queue.see(await look(house, pool), began=began, ended=time.monotonic())
    return queue.outlook.open


async def look(house: House, pool: str) -> Outlook:
    """Returns the lanes of the pool, and their quotas with the current number of leases if one is limited."""
    outlook = await house.database.glance(lambda tx: lanes.look(tx, pool=pool))
    if outlook.quotas.limited:
        counted = await house.database.glance(lambda tx: quotas.count_live(tx, outlook.quotas))
        outlook = replace(outlook, quotas=counted)
    return outlook


async def claim(
    house: House, *, pool: str, limit: int, worker: str, queue: Queue | None = None, token_id: str | None = None
) -> list[Lease]:
    """Leases up to `limit` runnable items of the pool to the worker.

    Organizations take turns by their use of slots for their weight; within one the order is priority, due time, age.
    `queue` as in `ready`. With a `token_id` only what this token for workers allows is leased.
    """
    queue = queue or house.queues[pool]
    claiming = Claiming(pool, limit, worker, house.limits.lease_seconds, queue, token_id)
    [leases] = await claims.claim(house.database, house.plans, house.watches, [claiming])
    return leases


async def demand(house: House, pool: str, queue: Queue, *, most: int) -> Mapping[str, int]:
    """Returns how many items of each engine could start now where the queue is read, of one lane up to `most`."""
    outlook = await look(house, pool)
    own = [lane for lane in outlook.lanes if queue.may_take(lane) and not obstacles(lane, outlook.quotas)]

    async def count(tx: Tx) -> Counter[str]:
        found = Counter[str]()
        for lane in own:
            if found[lane.engine_id] < most:  # more would change nothing
                found[lane.engine_id] += await lanes.count(tx, lane, pool=pool, most=most)
        return found

    return await house.database.glance(count)


async def heartbeat(house: House, held: Sequence[tuple[ItemKey, int]]) -> dict[tuple[ItemKey, int], bool]:
    """Prolongs the leases that are still held. Returns these, and whether each must stop because of a cancel.

    A lease that is missing from the result is lost: its engine must stop at once.
    """
    lease_micros = int(house.limits.lease_seconds * MICROS)
    alive = await house.database.write(lambda tx: work_leases.heartbeat(tx, held, lease_micros=lease_micros))
    now = time.monotonic()
    for queue in house.queues.values():
        for _, token in alive:
            queue.shares.prolonged(token, until=now + house.limits.lease_seconds)
        queue.shares.lapse(now)
    return alive


async def signalled(house: House, attempts: Sequence[tuple[ItemKey, int]]) -> None:
    """Records that the engines of these attempts received the stop signal."""
    await house.database.write(lambda tx: stops.signalled(tx, attempts))
    house.watches.changed(key.job_id for key, _ in attempts)


async def finish(house: House, report: Report) -> Answer:
    """Ends the attempt as reported, with everything that follows; or returns Stale, and its result does not count."""
    answer = await house.finishes.ask(report)
    limited, now = False, time.monotonic()
    for queue in house.queues.values():
        queue.shares.ended(report.token, at=now)
        limited = limited or queue.outlook.quotas.limited
    if house.plans.has_sync(report.key.job_id):
        house.database.notify(push_waits.CHANNEL)
    else:
        house.push_waits.changed(report.key.job_id)  # its plan may have been dropped
    match answer:
        case Accepted(runnable=runnable, again_at=again_at):
            if runnable or again_at is not None or limited:
                house.listeners.runnable(None)
        case Stale():
            await _discard(house, report)
    if answer.job_ended:
        house.listeners.ended([report.key.job_id])
    return answer


async def _discard(house: House, report: Report) -> None:
    """Deletes the bytes of a refused result, but none that a row names: an earlier same report may be accepted."""
    keys = {output.key for output in report.outcome.outputs} if isinstance(report.outcome, Done) else set[str]()
    if keys:
        job_id, ordinal, _ = report.key
        named = await house.database.read(lambda tx: artifacts.keys_of_task(tx, job_id, ordinal))
        await house.store.delete(sorted(keys - named))


async def inputs(house: House, lease: Lease) -> tuple[Artifact, ...]:
    """Returns the inputs of the item: its chunk, or everything routed to the task's input folders, in media order.

    Each artifact's `folder` is the position of the input folder in which it arrives.
    """
    return tuple(replace(artifact, folder=folder) for artifact, folder in await arriving(house, lease))


async def arriving(house: House, lease: Lease) -> tuple[tuple[Artifact, int], ...]:
    """Returns the same artifacts unchanged, each with the position of the input folder in which it arrives."""
    key, source = lease.key, lease.source
    if source != WHOLE:

        async def one(tx: Tx) -> Artifact | None:
            return await artifacts.input_(
                tx, key.job_id, source.ordinal, source.output_folder, source.item, source.part
            )

        artifact = await house.database.glance(one)
        return ((artifact, source.folder),) if artifact else ()
    routes = [route for route in lease.plan.routes if route.child == key.ordinal and route.parent >= 0]
    into = {(route.parent, route.parent_folder): route.child_folder for route in routes}
    pushed = {route.child_folder for route in lease.plan.routes if route.child == key.ordinal and route.endpoint}
    into |= {(key.ordinal, pushed_folder(position)): position for position in sorted(pushed)}
    if not into:
        return ()
    rows = await house.inputs_of([(key.job_id, ordinal, folder) for ordinal, folder in into])
    return tuple((row, into[row.ordinal, row.folder]) for row in rows)


async def mark_queued(house: House, *, pool: str, limit: int = 200) -> int:
    """Sets a bounded batch of tasks that wait for a slot to `queued`. Called when all slots are taken."""
    return await house.database.write(lambda tx: storage_claims.mark_queued(tx, pool=pool, limit=limit))
