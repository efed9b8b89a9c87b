"""The composition root: the only place where the parts of a server are put together."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from enginehouse.api.asgi import Application, application
from enginehouse.api.edge import routes as edge
from enginehouse.api.metrics.page import MetricsAccess
from enginehouse.api.v1 import routes as v1
from enginehouse.artifacts.place import folder_of
from enginehouse.domain.engine import EngineKind
from enginehouse.domain.resources import Resources
from enginehouse.engines import keeper_register
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.http.callbacks import Callbacks
from enginehouse.engines.installation import installation_of
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.native import ENGINES
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, choose
from enginehouse.house_start import artifacts_place, open_house
from enginehouse.operations import (
    export_leases,
    maintenance,
    outbox,
    workers,
)
from enginehouse.operations.first_start import FirstStart, first_start
from enginehouse.operations.house import House
from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.outgoing.send import Sender
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.download_quota import DownloadQuota
from enginehouse.runtime.engine_client import TIMEOUTS, EngineClient
from enginehouse.runtime.engine_probes import EngineProbes
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.http_executor import HttpExecutor
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.presence import WorkerPresence
from enginehouse.runtime.runner import Runner
from enginehouse.runtime.source import WorkSource
from enginehouse.runtime.supervisor import Supervisor
from enginehouse.server import duties, notices, oidc_file, trace_start
from enginehouse.server.deliverer import Deliverer
from enginehouse.server.exporter import Exporter
from enginehouse.server.in_process import InProcess
from enginehouse.server.installation import ServerInstallation
from enginehouse.server.scheduler import Scheduler
from enginehouse.settings import Settings, callbacks_address
from enginehouse.web.site import site

_KEEPERS = "keepers"
DESCRIPTIONS = {"edge": edge.description, "v1": v1.description}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A running server: its house, its ASGI application, and the secrets that its first start made.

    `engine_problems`: what is wrong with installed engines that are not used.

    After `hurry` the shutdown does not wait for running attempts. `end_streams` ends the streams, which have no end of
    their own.
    """

    house: House
    application: Application
    first_start: FirstStart
    sandbox: SandboxLevel
    engine_problems: Sequence[str]
    hurry: Callable[[], None]
    end_streams: Callable[[], Awaitable[None]]


def start_keeper(settings: Settings) -> Keeper:
    """Returns the process that starts engine children. Call it before any thread and before the event loop."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Keeper.start(register=settings.data / _KEEPERS)


@asynccontextmanager
async def running(settings: Settings, keeper: Keeper) -> AsyncIterator[RunningServer]:
    """The server runs. On leaving, every attempt has ended or was given back, and everything is closed."""
    # What the machine lacks is said before the first start makes secrets, which nobody would see.
    sandbox = await asyncio.to_thread(_sandbox, settings)
    provider = None if settings.oidc is None else await asyncio.to_thread(oidc_file.provider, settings.oidc)
    async with AsyncExitStack() as closing:
        house = await open_house(settings, closing)
        tracer = trace_start.start(house, closing) if settings.records_traces else None
        first = await first_start(house, init_token=settings.init_token)
        children = _children(settings, house, keeper, sandbox, closing)
        installed = ServerInstallation(house, installation_of(children, settings.engines, settings.data))
        await installed.start()
        embedded = house.database.dialect == "sqlite"
        keepers = settings.data / _KEEPERS
        await asyncio.to_thread(keeper_register.end_orphans, keepers, besides=keeper.entry, wait=embedded)
        if embedded:
            # Nobody else can hold a lease on this file. So each lease belonged to a server that is gone, and its
            # engines have ended by now.
            await maintenance.release_all_leases(house)
            await workers.clear(house)
            await outbox.release_all(house)
            await export_leases.release_all(house)
        supervisor = await _supervisor(settings, house, children, installed, closing)
        supervisor.start()
        closing.push_async_callback(supervisor.stop)
        yield RunningServer(
            house,
            application(
                house,
                origins=settings.cors_origin,
                pages=site(house, DESCRIPTIONS, provider),
                metrics=MetricsAccess(settings.metrics == "open", settings.metrics_token),
                checks={"keeper": keeper.problem},
                tracer=tracer,
            ),
            first,
            sandbox.level,
            installed.report.problems,
            supervisor.hurry,
            partial(_end_waits, house),
        )


async def _end_waits(house: House) -> None:
    await house.work_waits.close()
    await house.watches.close()
    await house.feeds.close()
    await house.push_waits.close()


def _sandbox(settings: Settings) -> Sandbox:
    """Returns the sandbox of the engines, which sees nothing of the data folder. Raises SandboxMissing."""
    place = folder_of(artifacts_place(settings))
    hidden = (settings.data, settings.data / "artifacts", *([] if place is None else [place]))
    return Sandbox(choose(settings.engine_sandbox), settings.engine_read, settings.engine_write, hidden)


def _children(settings: Settings, house: House, keeper: Keeper, sandbox: Sandbox, closing: AsyncExitStack) -> ChildPool:
    folder = house.store.scratch()
    if sandbox.level is SandboxLevel.UID:
        # Another user cannot enter the data folder.
        folder = Path(
            closing.enter_context(tempfile.TemporaryDirectory(prefix="enginehouse-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)
    warm = max(settings.warm_children, settings.python_slots)
    children = ChildPool(keeper, folder, slots=warm, sandbox=sandbox, idle_seconds=settings.idle_child_seconds)
    closing.push_async_callback(children.close)
    return children


async def _supervisor(
    settings: Settings, house: House, children: ChildPool, installed: ServerInstallation, closing: AsyncExitStack
) -> Supervisor:
    capacity = Capacity(
        {
            EngineKind.NATIVE: settings.native_slots,
            EngineKind.PYTHON: settings.python_slots,
            EngineKind.HTTP: settings.http_slots,
        },
        ahead=frozenset({EngineKind.PYTHON}),
        stop_grace=settings.stop_grace_seconds,
        resources=Resources(settings.cpus, settings.gpus, settings.memory_mb, settings.labels),
        needs=lambda engine_id: house.catalogue.by_id[engine_id].spec.resources,
    )
    api_url = settings.engine_api_url or settings.local_url
    source = InProcess(house, api_url, capacity.free_resources, installed.find)
    outage = Outage()
    over_http = _http_executor(settings, source, closing)
    runner = _runner(settings, house, source, children, over_http, capacity, outage, closing)
    runner = replace(runner, known=lambda: installed.specs)
    probes = EngineProbes(source, over_http)
    house.listeners.unavailable = probes.loop.wake
    worker = maintenance.worker_name(settings.data)
    dispatcher = Dispatcher(source, capacity, runner.run, worker=worker, largest=house.finishes.largest)
    for heard in notices.listen(house, dispatcher, capacity, installed):
        closing.callback(heard.cancel)
    scheduler = Scheduler(house)
    deliverer = _deliverer(settings, house, closing)
    exporter = Exporter(house)
    closing.push_async_callback(exporter.close)
    house.listeners.scheduled = scheduler.loop.wake
    presence = WorkerPresence(source, installed.offer(worker, capacity.pools, capacity.resources))
    await presence.register()
    installed.attach(presence)
    closing.push_async_callback(presence.leave)
    watches = [probes.loop] if settings.http_slots else []
    return Supervisor(
        dispatcher=dispatcher,
        heartbeat=Heartbeat(source, capacity, lease_seconds=settings.lease_seconds),
        capacity=capacity,
        duties=[
            *duties.loops(house),
            presence.loop,
            installed.loop,
            scheduler.loop,
            deliverer.loop,
            exporter.loop,
            *watches,
        ],
        drain_seconds=settings.drain_seconds,
        outage=outage,
    )


def _runner(
    settings: Settings,
    house: House,
    source: WorkSource,
    children: ChildPool,
    over_http: HttpExecutor,
    capacity: Capacity,
    outage: Outage,
    closing: AsyncExitStack,
) -> Runner:
    outgoing = GuardedClient(allow_private=settings.allow_private_urls, max_bytes=settings.download_mb << 20)
    closing.push_async_callback(outgoing.aclose)
    native = {engine.spec.id: engine for engine in ENGINES}
    return Runner(
        source=source,
        executor=Executor(
            native=native, call_python=children.call, call_http=over_http.call, grace_of=capacity.grace_of
        ),
        fetch=outgoing.fetch,
        downloads=DownloadQuota(settings.organization_download_mb),
        outage=outage,
        folder=house.store.scratch(),
        take_slot=capacity.take_slot,
        engine_ended=capacity.release,
        may_report=capacity.may_report,
        stop_requested=capacity.stop_requested,
    )


def _http_executor(settings: Settings, source: WorkSource, closing: AsyncExitStack) -> HttpExecutor:
    callbacks = Callbacks(*callbacks_address(settings.engine_callbacks), settings.engine_callbacks_url)
    closing.push_async_callback(callbacks.aclose)
    public = GuardedClient(allow_private=settings.allow_private_urls, timeouts=TIMEOUTS)
    private = GuardedClient(allow_private=True, timeouts=TIMEOUTS)
    for client in (public, private):
        closing.push_async_callback(client.aclose)
    return HttpExecutor(source, EngineClient(public, private), callbacks)


def _deliverer(settings: Settings, house: House, closing: AsyncExitStack) -> Deliverer:
    # Its own client: a slow name server of a receiver must not delay the inputs of engines.
    outgoing = GuardedClient(allow_private=settings.allow_private_urls)
    closing.push_async_callback(outgoing.aclose)
    deliverer = Deliverer(house, Sender(outgoing).send)
    closing.push_async_callback(deliverer.close)
    return deliverer
