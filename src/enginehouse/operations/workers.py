"""Workers: their reports, and the view of them for callers."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from enginehouse.domain.engine import Engine, EngineKind
from enginehouse.domain.engine_reload import ReloadReport
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.planning.plan import Planned
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import REMOTE, Drain, Worker
from enginehouse.operations import engines as known_engines
from enginehouse.operations.house import House, Presence
from enginehouse.operations.permission import require
from enginehouse.storage import workers as storage
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import statistics
from enginehouse.storage.jobs.statistics import RunningTask
from enginehouse.storage.workers import Beat

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
    is_remote: bool = False
    resources: Resources = NOTHING
    drain: Drain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    """The state of the server in numbers: its connected workers, their slots, and the attempts that they run."""

    now: int
    workers: int
    slots: int
    running: int
    engines: int


async def appear(
    house: House,
    *,
    name: str,
    pools: Mapping[str, int],
    engines: Collection[str],
    resources: Resources = NOTHING,
    reload: ReloadReport | None = None,
) -> None:
    """Registers the worker of this process, which claims only for these engines."""
    offer(house, pools=pools, engines=engines)
    await _beat(house, Beat(name, pools, engines, resources, reload), first=True)


def offer(house: House, *, pools: Iterable[str], engines: Collection[str]) -> None:
    """From now on the worker of this process claims only for these engines."""
    for pool in pools:
        # An engine over HTTP may get an address at any time.
        known = _has_address(house) if pool == EngineKind.HTTP else frozenset(engines).__contains__
        house.queues[pool].offer(known)


def _has_address(house: House) -> Callable[[str], bool]:
    def known(engine_id: str) -> bool:
        engine = house.catalogue.by_id.get(engine_id)
        return engine is not None and engine.spec.address is not None

    return known


async def beat(
    house: House,
    *,
    name: str,
    pools: Mapping[str, int],
    engines: Collection[str],
    resources: Resources = NOTHING,
    reload: ReloadReport | None = None,
) -> None:
    """Reports that the worker is alive, for three more beats, and refreshes the house's view of workers."""
    await _beat(house, Beat(name, pools, engines, resources, reload), first=False)


async def _beat(house: House, beat: Beat, *, first: bool) -> None:
    if any(beat.pools.values()):  # one without a slot runs nothing
        await house.database.write(lambda tx: storage.beat(tx, [beat], first=first))
    await look(house)


async def leave(house: House, name: str) -> None:
    """Removes the worker, which has stopped."""
    await house.database.write(lambda tx: storage.remove(tx, name))


async def clear(house: House) -> None:
    """Removes the workers of servers. For the start of one on an embedded database: they belong to an earlier one."""
    await house.database.write(storage.clear)


async def look(house: House) -> None:
    """Refreshes what the house has in memory about workers and engines, for immediate warnings."""

    async def known(tx: Tx) -> tuple[list[Worker], frozenset[str], int]:
        return await storage.all_(tx), await storage.drained(tx), await tx.read_clock()

    presence = house.presence
    workers, presence.drained, now = await house.database.read(known)
    connected = [worker for worker in workers if worker.connected(now)]
    here = [worker for worker in connected if worker.drain is None]
    presence.installed = frozenset[str]().union(*(worker.engines for worker in connected))
    presence.offered = frozenset[str]().union(*(worker.engines for worker in here))
    presence.over_http = tuple(worker.resources for worker in here if worker.takes_all_over_http)
    if house.database.dialect == "postgres":
        # Other servers may register and pause engines; an embedded database has no other server.
        await known_engines.refresh(house)


def idle(house: House, engine_ids: Iterable[str]) -> dict[str, str]:
    """Returns those of the engines that no connected worker offers now, from memory, each with the reason."""
    found = ((engine_id, house.catalogue.by_id.get(engine_id)) for engine_id in engine_ids)
    return {engine_id: why for engine_id, engine in found if (why := _idle(engine, house.presence)) is not None}


def unserved(request: JobRequest, planned: Planned, idle_: Mapping[str, str]) -> tuple[str, ...]:
    """Returns warnings for the tasks of these idle engines."""
    tasks = planned.plan.tasks
    report = PlanReport(request.spelling, request.prefix, [task.standby_for for task in tasks])
    return tuple(
        f"{report.task(ordinal)}: {idle_[task.engine_id]}; the task will wait."
        for ordinal, task in enumerate(tasks)
        if task.engine_id in idle_
    )


def _idle(engine: Engine | None, presence: Presence) -> str | None:
    if engine is None:
        return None
    if engine.state != "active":
        return f'engine "{engine.spec.name}" is {engine.state}'
    if not presence.offers(engine):
        free = " and takes work" if presence.drained else ""
        return f'no worker for engine "{engine.spec.name}" is connected{free}'
    return None


async def list_(house: House, principal: Principal) -> list[WorkerShown]:
    """Returns every worker that has reported within a day, connected ones first."""
    require(principal, Role.READER)
    found, now = await house.database.read(_at_work)
    return _all_shown(house, principal, found, now)


async def with_tasks(
    house: House, principal: Principal, *, limit: int = 200
) -> tuple[list[WorkerShown], dict[str, list[RunningTask]]]:
    """Returns the same workers, and what runs on each, as `running_tasks` has it, from one read. Raises NotAllowed."""
    require(principal, Role.READER)

    async def read(tx: Tx) -> tuple[list[Worker], int, list[RunningTask]]:
        return *await _at_work(tx), await statistics.running_tasks(tx, principal.organization_id, limit=limit)

    found, now, tasks = await house.database.read(read)
    return _all_shown(house, principal, found, now), _by_worker(tasks)


def _all_shown(house: House, principal: Principal, found: Sequence[Worker], now: int) -> list[WorkerShown]:
    over_http = {
        engine_id: needs
        for engine_id, needs in known_engines.over_http(house).items()
        if known_engines.shown(house, principal, engine_id) is not None
    }
    named = principal.role.covers(Role.ADMIN)
    shown = [_shown(worker, worker.offers(over_http), now, named=named) for worker in found]
    return sorted(shown, key=lambda worker: not worker.connected)


async def running_tasks(house: House, principal: Principal, *, limit: int = 200) -> dict[str, list[RunningTask]]:
    """Returns the organization's tasks that run now, by the id of their worker: up to `limit`, the newest first.

    Tasks of other organizations are not shown. Raises NotAllowed.
    """
    require(principal, Role.READER)
    owner = principal.organization_id
    return _by_worker(await house.database.read(lambda tx: statistics.running_tasks(tx, owner, limit=limit)))


def _by_worker(rows: Iterable[RunningTask]) -> dict[str, list[RunningTask]]:
    found = defaultdict[str, list[RunningTask]](list)
    for row in rows:
        found[worker_id(row.worker)].append(row)
    return found


async def summary(house: House, principal: Principal) -> WorkerSummary:
    """Returns the state of the server: one transaction counts everything. Raises NotAllowed."""
    require(principal, Role.READER)
    found, now = await house.database.read(_at_work)
    return summary_of(house, found, now)


def summary_of(house: House, found: Sequence[Worker], now: int) -> WorkerSummary:
    """Returns the state of the server with these workers, each with what is leased to it."""
    connected = [worker for worker in found if worker.connected(now)]
    over_http = known_engines.over_http(house)
    return WorkerSummary(
        now=now,
        workers=len(connected),
        slots=sum(sum(worker.pools.values()) for worker in connected),
        running=sum(worker.running for worker in found),
        engines=len(frozenset[str]().union(*(worker.offers(over_http) for worker in connected))),
    )


async def _at_work(tx: Tx) -> tuple[list[Worker], int]:
    now = await tx.read_clock()
    return await storage.at_work(tx), now


def worker_id(name: str) -> str:
    """Returns the UUID of the worker with this name."""
    return str(uuid5(_NAMESPACE, name))


def _shown(worker: Worker, offered: frozenset[str], now: int, *, named: bool) -> WorkerShown:
    return WorkerShown(
        id=worker_id(worker.name),
        name=worker.name if named else None,
        pools=worker.pools,
        running=worker.running,
        engines=offered,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        connected=worker.connected(now),
        is_remote=worker.name.startswith(REMOTE),
        resources=worker.resources,
        drain=worker.drain,
    )
