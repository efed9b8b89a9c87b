"""The composition root of a worker: the only place where the parts of a worker on another machine are put together."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from enginehouse.artifacts.process_folder import ProcessFolder
from enginehouse.domain.engine import EngineKind, EngineSpec
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.engines import keeper_register
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.http.callbacks import Callbacks
from enginehouse.engines.installation import installation_of
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.native import ENGINES
from enginehouse.engines.python_executor import PythonExecutor
from enginehouse.engines.ray import placement
from enginehouse.engines.ray.connection import RayOptions, connected, wait_for
from enginehouse.engines.ray.messages import HostSetup
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, choose
from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.download_quota import DownloadQuota
from enginehouse.runtime.engine_client import TIMEOUTS, EngineClient
from enginehouse.runtime.engine_probes import EngineProbes
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.http_executor import HttpExecutor
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.presence import WorkerPresence
from enginehouse.runtime.runner import Runner
from enginehouse.runtime.source import WorkerOffer, offered
from enginehouse.runtime.supervisor import Supervisor
from enginehouse.settings import callbacks_address
from enginehouse.worker.backoff import Backoff
from enginehouse.worker.connection import Connection, ServerAway
from enginehouse.worker.demand_watch import DemandWatch
from enginehouse.worker.http_source import HttpSource, Registry
from enginehouse.worker.input_cache import InputCache
from enginehouse.worker.work_watch import WorkWatch
from enginehouse.worker_settings import WorkerSettings

log = structlog.get_logger(__name__)

_KEEPERS: Final = "keepers"


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """A worker that takes work: how the server knows it, and its loops. `refused`: why the server does not any more."""

    registry: Registry
    specs: Sequence[EngineSpec]
    sandbox: SandboxLevel
    engine_problems: Sequence[str]
    supervisor: Supervisor
    refused: "asyncio.Future[str]"


def start_keeper(settings: WorkerSettings) -> Keeper:
    """Returns the process that starts engine children. Call it before any thread and before the event loop."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Keeper.start(register=settings.data / _KEEPERS)


@asynccontextmanager
async def running(settings: WorkerSettings, keeper: Keeper) -> AsyncIterator[RunningWorker]:
    """The worker takes work. On leaving, every attempt has ended or was given back, and the server knows it.

    It waits for a server, or a cluster, that does not answer yet. Raises TokenRefused, InvalidInput, SandboxMissing and
    ClusterRefused.
    """
    if settings.ray_address is not None:
        await wait_for(settings.ray_address, allow_open=settings.allow_open_ray)
    sandbox = await asyncio.to_thread(_sandbox, settings)
    async with AsyncExitStack() as closing:
        folder = await asyncio.to_thread(ProcessFolder, settings.data)
        closing.callback(folder.close)
        keepers = settings.data / _KEEPERS
        await asyncio.to_thread(keeper_register.end_orphans, keepers, besides=keeper.entry, wait=False)
        children = _children(settings, keeper, sandbox, folder.scratch, closing)
        installation = installation_of(children, settings.engines, settings.data)
        installation.use(await installation.read())
        specs = [engine.spec for engine in ENGINES] + [*installation.specs]
        connection = await closing.enter_async_context(Connection(settings.server, settings.token))
        refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        inputs = folder.scratch / "inputs"
        inputs.mkdir()
        executor = await _executor(settings, children, specs, closing)
        capacity = Capacity(
            {
                EngineKind.NATIVE: settings.native_slots,
                EngineKind.PYTHON: settings.python_pool,
                EngineKind.HTTP: settings.http_slots,
            },
            # A host may take a second to start, and a lease that waits ahead of it would be given back.
            ahead=frozenset() if settings.on_ray else frozenset({EngineKind.PYTHON}),
            stop_grace=settings.stop_grace_seconds,
            resources=_resources(settings, executor),
        )
        source = HttpSource(
            connection,
            specs,
            InputCache(inputs, most=settings.cache_mb << 20),
            free=capacity.free_resources,
            limits=executor.capacity,
            on_refused=lambda text: None if refused.done() else refused.set_result(text),
            api_url=settings.engine_api_url or settings.server,
        )
        capacity.needs = _needs(settings, specs, source)
        offer = WorkerOffer(
            name=settings.name,
            pools=capacity.pools,
            engines=[spec.id for spec in specs]
            if settings.on_ray
            else offered(specs, capacity.pools, capacity.resources),
            resources=capacity.resources,
            elastic=settings.on_ray,
        )
        await _register(source, offer)
        source.outbox.start()
        closing.push_async_callback(source.outbox.stop)
        supervisor = _supervisor(settings, source, capacity, executor, offer, specs, folder.scratch, closing)
        supervisor.start()
        closing.push_async_callback(supervisor.stop)
        problems = installation.reading.problems
        yield RunningWorker(source.registry, specs, sandbox.level, problems, supervisor, refused)


async def _register(source: HttpSource, offer: WorkerOffer) -> None:
    backoff, outage = Backoff(), Outage(of="server")
    while True:
        try:
            await source.register(offer)
        except ServerAway as away:
            outage.begin("register", away.reason)
            await asyncio.sleep(backoff.next(away.retry_after))
        else:
            outage.end("register")
            return


def _sandbox(settings: WorkerSettings) -> Sandbox:
    """Returns the sandbox of the engines, which sees nothing of the data folder. Raises SandboxMissing."""
    return Sandbox(choose(settings.engine_sandbox), settings.engine_read, settings.engine_write, (settings.data,))


def _children(
    settings: WorkerSettings, keeper: Keeper, sandbox: Sandbox, folder: Path, closing: AsyncExitStack
) -> ChildPool:
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


async def _executor(
    settings: WorkerSettings, children: ChildPool, specs: Sequence[EngineSpec], closing: AsyncExitStack
) -> PythonExecutor:
    """Returns what runs Python engines: the children of this machine, or a cluster. Raises ClusterRefused."""
    if settings.ray_address is None:
        return children
    setup = HostSetup(
        folder=None if settings.host_data is None else str(settings.host_data),
        sandbox=settings.engine_sandbox,
        read=tuple(map(str, settings.engine_read)),
        write=tuple(map(str, settings.engine_write)),
    )
    options = RayOptions(
        address=settings.ray_address,
        hosts=settings.max_hosts,
        start_seconds=settings.start_seconds,
        idle_seconds=settings.idle_child_seconds,
        setup=setup,
    )
    return await closing.enter_async_context(connected(options, specs))


def _resources(settings: WorkerSettings, executor: PythonExecutor) -> Resources:
    own = executor.capacity().resources
    return Resources(settings.cpus, settings.gpus, settings.memory_mb, settings.labels) if own is None else own


def _needs(settings: WorkerSettings, specs: Sequence[EngineSpec], source: HttpSource) -> Callable[[str], Resources]:
    """Returns what an item of an engine takes, by its id: on a cluster, or of this machine."""
    python = [spec for spec in specs if spec.kind is EngineKind.PYTHON]
    on_cluster = {spec.id: placement.needs(spec) for spec in python} if settings.on_ray else {}
    return lambda engine_id: on_cluster.get(engine_id) or source.needs(engine_id)


def _of_cluster(
    settings: WorkerSettings, source: HttpSource, capacity: Capacity, executor: PythonExecutor, presence: WorkerPresence
) -> Sequence[Loop]:
    """The slots follow what the cluster can run. Returns the loops that only a worker on a cluster has."""
    if not settings.on_ray:
        return ()
    told: object = None

    def follow() -> None:
        nonlocal told
        now = executor.capacity()
        capacity.fit(EngineKind.PYTHON, now.calls, now.resources or NOTHING)
        news = (now.unable, {engine_id for engine_id, items in now.most.items() if not items})
        if news != told:
            told = news
            presence.loop.wake()  # it is in the next exchange

    executor.on_change = follow
    follow()
    return [DemandWatch(source, most=settings.max_hosts, wanted=executor.wanted).loop]


def _supervisor(
    settings: WorkerSettings,
    source: HttpSource,
    capacity: Capacity,
    executor: PythonExecutor,
    offer: WorkerOffer,
    specs: Sequence[EngineSpec],
    folder: Path,
    closing: AsyncExitStack,
) -> Supervisor:
    outgoing = GuardedClient(allow_private=settings.allow_private_urls, max_bytes=settings.download_mb << 20)
    closing.push_async_callback(outgoing.aclose)
    outage = Outage(of="server")
    over_http = _http_executor(settings, source, closing)
    runner = Runner(
        source=source,
        executor=Executor(
            native={engine.spec.id: engine for engine in ENGINES},
            call_python=executor.call,
            call_http=over_http.call,
            grace_of=capacity.grace_of,
        ),
        fetch=outgoing.fetch,
        downloads=DownloadQuota(settings.organization_download_mb),
        outage=outage,
        folder=folder / "attempts",
        take_slot=capacity.take_slot,
        engine_ended=capacity.release,
        may_report=capacity.may_report,
        stop_requested=capacity.stop_requested,
        known=lambda: specs,
    )
    dispatcher = Dispatcher(source, capacity, runner.run, worker=source.registry.name)
    presence = WorkerPresence(source, offer)
    closing.push_async_callback(presence.leave)
    watch = WorkWatch(source, capacity.pools, free=capacity.free, on_work=dispatcher.wake, on_stop=capacity.doubt)
    dispatched = capacity.on_free

    def slot_free(pool: str) -> None:
        dispatched(pool)
        watch.slot_free(pool)

    capacity.on_free = slot_free
    return Supervisor(
        dispatcher=dispatcher,
        heartbeat=Heartbeat(source, capacity, lease_seconds=source.registry.lease_seconds),
        capacity=capacity,
        duties=[
            presence.loop,
            watch.loop,
            *_of_cluster(settings, source, capacity, executor, presence),
            *([EngineProbes(source, over_http).loop] if settings.http_slots else []),
        ],
        drain_seconds=settings.drain_seconds,
        outage=outage,
    )


def _http_executor(settings: WorkerSettings, source: HttpSource, closing: AsyncExitStack) -> HttpExecutor:
    """Returns what calls engines over HTTP from this machine: those of an operator also at private addresses."""
    host, port = callbacks_address(settings.engine_callbacks)
    callbacks = Callbacks(host, port, settings.engine_callbacks_url)
    closing.push_async_callback(callbacks.aclose)
    public = GuardedClient(allow_private=settings.allow_private_urls, timeouts=TIMEOUTS)
    private = GuardedClient(allow_private=True, timeouts=TIMEOUTS)
    for client in (public, private):
        closing.push_async_callback(client.aclose)
    return HttpExecutor(source, EngineClient(public, private), callbacks)
