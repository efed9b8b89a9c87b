"""Workers: their reports, and the view of them for callers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from enginehouse.domain.engine import Engine
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest, Plan
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.work import Worker
from enginehouse.operations import engines as known_engines
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import workers as storage
from enginehouse.storage.database.database import Tx

_NAMESPACE: Final = UUID("7b0f7a52-6a0e-5d1b-9d1c-5a3c1d8f0e66")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerShown:
    """The view of a worker for a caller. Only an administrator sees `name`, because it reveals the machines.

    `id` is a UUID made of the name.
    """

    id: str
    name: str | None
    pools: Mapping[str, int]
    running: int
    engines: frozenset[str]
    started_at: int
    seen_at: int
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    """The state of the server in numbers: its connected workers, their slots, and the attempts that they run."""

    now: int
    workers: int
    slots: int
    running: int
    engines: int


async def appear(house: House, *, name: str, pools: Mapping[str, int], engines: Collection[str]) -> None:
    """Registers the worker of this process, which claims only for these engines."""
    for pool in pools:
        house.queues[pool].offer(engines)
    await _beat(house, name=name, pools=pools, engines=engines, first=True)


async def beat(house: House, *, name: str, pools: Mapping[str, int], engines: Collection[str]) -> None:
    """Reports that the worker is alive, for three more beats, and refreshes the house's view of workers."""
    await _beat(house, name=name, pools=pools, engines=engines, first=False)


async def _beat(house: House, *, name: str, pools: Mapping[str, int], engines: Collection[str], first: bool) -> None:
    if any(pools.values()):  # one without a slot runs nothing
        await house.database.write(lambda tx: storage.beat(tx, name=name, pools=pools, engines=engines, first=first))
    await look(house)


async def leave(house: House, name: str) -> None:
    """Removes the worker, which has stopped."""
    await house.database.write(lambda tx: storage.remove(tx, name))


async def clear(house: House) -> None:
    """Removes all workers. For the start of a server on an embedded database: they belong to an earlier server."""
    await house.database.write(storage.clear)


async def look(house: House) -> None:
    """Refreshes what the house has in memory about workers and engines, for immediate warnings."""

    async def offered(tx: Tx) -> frozenset[str]:
        now = await tx.read_clock()
        here = [worker for worker in await storage.all_(tx) if worker.connected(now)]
        return frozenset().union(*(worker.engines for worker in here))

    house.presence.offered = await house.database.read(offered)
    if house.database.dialect == "postgres":
        # Other servers may register and pause engines; an embedded database has no other server.
        await known_engines.refresh(house)


def unserved(house: House, request: JobRequest, plan: Plan) -> tuple[str, ...]:
    """Returns warnings for tasks whose engine no connected worker offers now, from memory."""
    offered = house.presence.offered
    idle = {
        engine_id: why
        for engine_id in {task.engine_id for task in plan.tasks}
        if (why := _idle(house.catalogue.by_id.get(engine_id), offered)) is not None
    }
    if not idle:
        return ()
    report = PlanReport(request.spelling, request.prefix, [task.standby_for for task in plan.tasks])
    return tuple(
        f"{report.task(ordinal)}: {idle[task.engine_id]}; the task will wait."
        for ordinal, task in enumerate(plan.tasks)
        if task.engine_id in idle
    )


def _idle(engine: Engine | None, offered: frozenset[str] | None) -> str | None:
    if engine is None:
        return None
    if engine.state != "active":
        return f'engine "{engine.spec.name}" is {engine.state}'
    if offered is not None and engine.spec.id not in offered:
        return f'no worker for engine "{engine.spec.name}" is connected'
    return None


async def list_(house: House, principal: Principal) -> list[WorkerShown]:
    """Returns every worker that has reported within a day, connected ones first."""
    require(principal, Role.READER)
    found, now = await house.database.read(_at_work)
    shown = [_shown(worker, now, named=principal.role.covers(Role.ADMIN)) for worker in found]
    return sorted(shown, key=lambda worker: not worker.connected)


async def summary(house: House, principal: Principal) -> WorkerSummary:
    """Returns the state of the server: one transaction counts everything. Raises NotAllowed."""
    require(principal, Role.READER)
    found, now = await house.database.read(_at_work)
    connected = [worker for worker in found if worker.connected(now)]
    return WorkerSummary(
        now=now,
        workers=len(connected),
        slots=sum(sum(worker.pools.values()) for worker in connected),
        running=sum(worker.running for worker in found),
        engines=len(frozenset[str]().union(*(worker.engines for worker in connected))),
    )


async def _at_work(tx: Tx) -> tuple[list[Worker], int]:
    now = await tx.read_clock()
    found, _ = await storage.at_work(tx)
    return found, now


def _shown(worker: Worker, now: int, *, named: bool) -> WorkerShown:
    return WorkerShown(
        id=str(uuid5(_NAMESPACE, worker.name)),
        name=worker.name if named else None,
        pools=worker.pools,
        running=worker.running,
        engines=worker.engines,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        connected=worker.connected(now),
    )
