"""The work source of a worker on another machine: everything that it requests of its server, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from enginehouse import __version__
from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import EngineHealth, HealthEvent
from enginehouse.domain.errors import NotFound, Unavailable
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Answer, Lease, Report
from enginehouse.engine import Output
from enginehouse.engines.http.form import CallFacts
from enginehouse.engines.python_executor import ExecutorCapacity
from enginehouse.runtime.source import LeaseId, WorkerOffer
from enginehouse.wire.work import AssetBody, InputBody, WorkBody, lease_name, parse_lease
from enginehouse.wire.worker import (
    VERSION,
    Demand,
    EngineDeclaration,
    ExchangeBody,
    Exchanged,
    LogEnd,
    Registered,
    Registration,
    ResourcesBody,
    Wait,
    Waited,
)
from enginehouse.worker.backoff import Backoff
from enginehouse.worker.connection import Connection, ResultBody, ServerAway, TokenRefused, parse
from enginehouse.worker.http_engines import HttpEngines
from enginehouse.worker.input_cache import CacheKey, InputCache
from enginehouse.worker.outbox import Outbox
from enginehouse.worker.uploads import content, measure, upload

log = structlog.get_logger(__name__)

_BASE: Final = "/api/v1/instances"
_AT_ONCE: Final = 4  # uploads of one attempt
_encode: Final = msgspec.json.Encoder().encode
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registry:
    """How the server knows the worker: its path, its name, and how long its leases last."""

    path: str
    name: str
    lease_seconds: float
    engines: frozenset[str]
    unknown: tuple[str, ...]


class HttpSource:
    """A `WorkSource` on a connection. `specs` are the engines of this machine.

    `free` returns the resources that no engine takes, `limits` what else limits its claims. `on_refused` is called
    once, when the server does not accept the token any more. `api_url`: where engines over HTTP find the server's
    interfaces.
    """

    def __init__(
        self,
        connection: Connection,
        specs: Sequence[EngineSpec],
        cache: InputCache,
        *,
        free: Callable[[], Resources] = lambda: NOTHING,
        limits: Callable[[], ExecutorCapacity] = lambda: ExecutorCapacity(calls=0),
        on_refused: Callable[[str], None] = lambda text: None,
        api_url: str | None = None,
    ) -> None:
        self._connection = connection
        self._specs = list(specs)
        self._by_name = {name: spec for spec in specs for name in (*spec.aliases, spec.id)}
        self._cache = cache
        self._free = free
        self._limits = limits
        self._on_refused = on_refused
        self._offer: WorkerOffer | None = None
        self._registry: Registry | None = None
        self._work: dict[LeaseId, WorkBody] = {}
        self.http_engines = HttpEngines(self._send_patiently, api_url)
        self.ready_pools = set[str]()
        self.changed = asyncio.Event()
        self.outbox = Outbox(self._exchange, patience=30.0, holds=lambda: list(self._work))

    @property
    def registry(self) -> Registry:
        """How the server knows the worker. Raises Unavailable before it has registered."""
        if self._registry is None:
            raise Unavailable("The worker is not registered yet.")
        return self._registry

    # -- the worker -----------------------------------------------------------------------------------------

    async def register(self, offer: WorkerOffer) -> None:
        """The server knows the worker. Raises ServerAway, TokenRefused, and InvalidInput for what it does not take."""
        self._offer = offer
        body = Registration(
            wire_version=VERSION,
            version=__version__,
            name=offer.name,
            slots=dict(offer.pools),
            resources=ResourcesBody.of(offer.resources),
            engines=[EngineDeclaration.of(spec) for spec in self._specs if spec.id in offer.engines],
            elastic=offer.elastic,
        )
        raw = await self._connection.send("POST", _BASE, _encode(body))
        found = parse(raw, Registered)
        self._registry = Registry(
            f"{_BASE}/{found.instance_id}",
            found.name,
            found.lease_seconds,
            frozenset(found.engine_ids),
            tuple(found.unknown_engine_ids),
        )
        self.outbox.patience = found.lease_seconds

    async def beat(self, offer: WorkerOffer) -> None:
        await self.outbox.exchange()

    async def leave(self, worker: str) -> None:
        with suppress(TokenRefused, NotFound):  # the server knows the worker no more
            await self._connection.send("POST", f"{self.registry.path}/terminate")

    # -- work -----------------------------------------------------------------------------------------------

    async def ready(self, *, pool: str) -> bool:
        return pool in self.ready_pools

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        answer = await self.outbox.exchange(claims={pool: limit})
        self._set_ready(pool, is_ready=pool in answer.ready)
        leases = []
        for work in answer.work:
            lease = work.to_lease()
            self._work[lease.key, lease.token] = work
            leases.append(lease)
        return leases

    async def mark_queued(self, *, pool: str) -> int:
        self.outbox.full(pool)
        return 0

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        answer = await self.outbox.exchange(held=leases)
        asked = set(leases)
        alive = {parse_lease(each.lease): each.stop for each in answer.held}
        return {lease_id: stop for lease_id, stop in alive.items() if lease_id in asked}

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        await self.outbox.exchange(signalled=leases)

    async def finish(self, report: Report) -> Answer:
        try:
            answer = await self.outbox.report(report)
        except Unavailable:
            self._work.pop((report.key, report.token), None)  # nobody reports it any more
            raise
        self._work.pop((report.key, report.token), None)
        return answer

    async def wait(self, pools: Sequence[str], seconds: float) -> bool:
        """The server has work for a pool in `ready_pools`, or the time is over.

        Returns True if leases should be prolonged now, because one of them may have to stop.
        """
        body = Wait(
            pools=list(pools), seconds=seconds, free=ResourcesBody.of(self._free()), most=dict(self._limits().most)
        )
        raw = await self._send("POST", "/wait", _encode(body), silence=seconds)
        answer = parse(raw, Waited)
        for pool in answer.ready:
            self._set_ready(pool, is_ready=True)
        return answer.stop

    async def demand(self, most: int) -> dict[str, int]:
        """Returns how many items of each engine of this worker could start now, of one organization up to `most`."""
        path = f"{self.registry.path}/demand"
        raw = await self._connection.send("GET", path, query={"most": str(most)})
        return parse(raw, Demand).items

    # -- the attempt ----------------------------------------------------------------------------------------

    async def engine(self, engine_id: str) -> EngineSpec | None:
        return self._by_name.get(engine_id) or await self.http_engines.engine(engine_id)

    def needs(self, engine_id: str) -> Resources:
        """Returns what an item of the engine takes of this machine."""
        spec = self._by_name.get(engine_id)
        return self.http_engines.needs(engine_id) if spec is None else spec.resources

    async def engine_health(self, engine_id: str) -> EngineHealth:
        return self.http_engines.health(engine_id)

    async def record_engine_health(
        self, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool
    ) -> None:
        await self.http_engines.record(engine_id, event, reason, probed=probed)

    async def due_probes(self) -> tuple[list[EngineSpec], float]:
        return await self.http_engines.due_probes()

    async def call_facts(self, lease: Lease) -> CallFacts:
        return await self.http_engines.call_facts(lease, f"/items/{lease_name(lease.key, lease.token)}")

    async def tell(self, lease: Lease, info: Any) -> None:
        await self.http_engines.tell(f"/items/{lease_name(lease.key, lease.token)}", info)

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        work = self._work.get((lease.key, lease.token))
        return () if work is None else tuple(each.artifact(lease.key.job_id) for each in work.inputs)

    async def artifacts(self, lease: Lease) -> tuple[Artifact, ...]:
        raw = await self._patiently(lambda: self._connection.send("GET", f"{self._item(lease)}/artifacts"))
        found = parse(raw, ResultBody[list[InputBody]]).result
        return tuple(each.artifact(lease.key.job_id) for each in found)

    async def primary_asset(self, lease: Lease) -> Asset | None:
        raw = await self._patiently(lambda: self._connection.send("GET", f"{self._item(lease)}/primary-asset"))
        found = parse(raw, ResultBody[AssetBody | None]).result
        return None if found is None else found.asset(lease.organization_id)

    @asynccontextmanager
    async def open(self, lease: Lease, stored: Artifact | Asset) -> AsyncIterator[Path]:
        if stored.key is None or stored.sha256 is None:
            raise NotFound("artifact", lease_name(lease.key, lease.token))
        path, key = stored.key, CacheKey(lease.organization_id, stored.sha256)
        async with self._cache.open(key, lambda: self._connection.stream(path), self._patiently) as file:
            yield file

    async def put(self, lease: Lease, parts: Sequence[tuple[str, bytes | Path]]) -> list[Stored]:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def put(name: str, source: bytes | Path) -> Stored:
            async with at_once:
                return await upload(self._connection, self._patiently, f"{self._item(lease)}/outputs/{name}", source)

        return await asyncio.gather(*(put(name, source) for name, source in parts))

    async def create_asset(
        self, lease: Lease, output: Output, *, asset_type: str, as_primary: bool, replay_key: str
    ) -> Asset | None:
        source = output.data if output.data is not None else output.path
        if lease.target_id is None or source is None:
            return None
        given = {
            "assetType": asset_type,
            "contentType": output.media_type,
            "name": output.name or "",
            "asPrimary": "true" if as_primary else "false",
            "replayKey": replay_key,
        }
        measured = await measure(source)
        raw = await self._patiently(
            lambda: self._connection.send(
                "POST", f"{self._item(lease)}/assets", content(source), headers=measured.headers(), query=given
            )
        )
        found = parse(raw, ResultBody[AssetBody | None]).result
        return None if found is None else found.asset(lease.organization_id)

    async def log(self, lease: Lease, offset: int, data: bytes) -> int:
        path, query = f"{self._item(lease)}/log", {"offset": str(offset)}
        raw = await self._patiently(lambda: self._connection.send("PUT", path, data, query=query))
        return parse(raw, ResultBody[LogEnd]).result.offset

    async def end_log(self, lease: Lease) -> None:
        return None  # the server completes the log with the report

    # -- the connection -------------------------------------------------------------------------------------

    async def _exchange(self, body: ExchangeBody) -> Exchanged:
        limits = self._limits()
        body.free = ResourcesBody.of(self._free())
        body.most = dict(limits.most)
        body.unable = {why: list(engine_ids) for why, engine_ids in limits.unable.items()}
        body.resources = None if limits.resources is None else ResourcesBody.of(limits.resources)
        return parse(await self._send("POST", "/exchange", _encode(body)), Exchanged)

    async def _send(self, method: str, path: str, body: bytes, *, silence: float = 0.0) -> bytes:
        try:
            try:
                return await self._connection.send(method, self.registry.path + path, body, silence=silence)
            except NotFound:
                # The server has forgotten the worker, and its leases: these attempts will be stopped.
                log.warning("the server does not know this worker any more; it registers again")
                if self._offer is not None:
                    await self.register(self._offer)
                raise ServerAway("The worker has registered again.", reason="unknown instance") from None
        except TokenRefused as refused:
            self._on_refused(str(refused))
            raise

    async def _patiently(self, send: Callable[[], Awaitable[T]]) -> T:
        """Returns what `send` returns. While the server does not answer, it is called again, as long as a lease lasts.

        Raises Unavailable also if the server does not accept the token, and StoreUnavailable if it is the store of the
        bytes that is away.
        """
        until, backoff = time.monotonic() + self.registry.lease_seconds, Backoff()
        while True:
            try:
                return await send()
            except TokenRefused as refused:
                self._on_refused(str(refused))
                raise Unavailable("The server does not accept the token.", reason=str(refused)) from None
            except ServerAway as away:
                pause = backoff.next(away.retry_after)
                if time.monotonic() + pause >= until:
                    raise away.for_attempt() from None
                await asyncio.sleep(pause)

    async def _send_patiently(self, method: str, path: str, body: bytes) -> bytes:
        return await self._patiently(lambda: self._connection.send(method, self.registry.path + path, body))

    def _item(self, lease: Lease) -> str:
        return f"{self.registry.path}/items/{lease_name(lease.key, lease.token)}"

    def _set_ready(self, pool: str, *, is_ready: bool) -> None:
        known = pool in self.ready_pools
        (self.ready_pools.add if is_ready else self.ready_pools.discard)(pool)
        if known is not is_ready:
            self.changed.set()
