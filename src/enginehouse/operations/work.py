"""The three verbs of whoever runs work: claim, heartbeat, finish; and what a claimed item reads."""

from collections.abc import Sequence
from dataclasses import replace

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.flow import WHOLE
from enginehouse.domain.work import Accepted, Answer, Done, ItemKey, Lease, Report, Stale
from enginehouse.operations.house import House
from enginehouse.storage import artifacts, stopping, work
from enginehouse.storage.barriers import BARRIER_LOCK
from enginehouse.storage.database import Tx

MICROS = 1_000_000


async def ready(house: House, *, pool: str) -> bool:
    """Whether some item of the pool may start now. A claim may still find that its job may not."""
    return await house.database.glance(lambda tx: work.any_ready(tx, pool=pool))


async def claim(house: House, *, pool: str, limit: int, worker: str) -> list[Lease]:
    """Up to `limit` runnable items of the pool are leased to the worker, in order of priority, due time and age."""
    lease_micros = int(house.limits.lease_seconds * MICROS)
    shard = house.shard()

    async def take(tx: Tx) -> list[Lease]:
        return await work.claim(
            tx, house.plans, pool=pool, limit=limit, worker=worker, lease_micros=lease_micros, shard=shard
        )

    leases = await house.database.write(take, under=BARRIER_LOCK)
    house.watches.changed(lease.key.job_id for lease in leases)
    return leases


async def heartbeat(house: House, held: Sequence[tuple[ItemKey, int]]) -> dict[tuple[ItemKey, int], bool]:
    """The leases still held run on; answers those, and whether each has to stop since its job was cancelled.

    One that is missing from the answer is lost, and its engine must stop at once.
    """
    lease_micros = int(house.limits.lease_seconds * MICROS)
    return await house.database.write(lambda tx: work.heartbeat(tx, held, lease_micros=lease_micros))


async def signalled(house: House, told: Sequence[tuple[ItemKey, int]]) -> None:
    """It is known when the engines of these attempts were told to stop."""
    await house.database.write(lambda tx: stopping.signalled(tx, told))


async def finish(house: House, report: Report) -> Answer:
    """The attempt has ended as reported, with all that follows, or the answer is Stale and no result of it counts."""
    answer = await house.finishes.ask(report)
    match answer:
        case Accepted(runnable=runnable, again_at=again_at):
            if runnable or again_at is not None:
                house.listeners.runnable()
        case Stale():
            await _discard(house, report)
    if answer.job_ended:
        house.listeners.ended([report.key.job_id])
    return answer


async def _discard(house: House, report: Report) -> None:
    """The bytes of a refused result are gone. A report that is only repeated may have been accepted the first time."""
    keys = {output.key for output in report.outcome.outputs} if isinstance(report.outcome, Done) else set[str]()
    if keys:
        job_id, ordinal, _ = report.key
        named = await house.database.read(lambda tx: artifacts.keys_of_task(tx, job_id, ordinal))
        await house.store.delete(sorted(keys - named))


async def inputs(house: House, lease: Lease) -> tuple[Artifact, ...]:
    """What the item reads: its one chunk, or everything routed into the task's input folders, in media order.

    Each artifact's `folder` is the position of the input folder it arrives in.
    """
    key, source = lease.key, lease.source
    if source != WHOLE:

        async def one(tx: Tx) -> Artifact | None:
            return await artifacts.input_(
                tx, key.job_id, source.ordinal, source.output_folder, source.item, source.part
            )

        found = await house.database.glance(one)
        return (_arriving(found, source.folder),) if found else ()
    routes = [each for each in lease.plan.routes if each.child == key.ordinal and each.parent >= 0]
    if not routes:
        return ()
    into = {(route.parent, route.parent_folder): route.child_folder for route in routes}
    folders = [(key.job_id, ordinal, folder) for ordinal, folder in into]
    rows = await house.database.read(lambda tx: artifacts.inputs(tx, folders))
    return tuple(_arriving(row, into[row.ordinal, row.folder]) for row in rows)


def _arriving(artifact: Artifact, folder: int) -> Artifact:
    return replace(artifact, folder=folder)


async def mark_queued(house: House, *, pool: str, limit: int = 200) -> int:
    """A bounded batch of what waits for a slot says `queued`; for when the slots are full."""
    shard = house.shard()
    return await house.database.write(lambda tx: work.mark_queued(tx, pool=pool, limit=limit, shard=shard))
