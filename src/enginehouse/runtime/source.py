"""The source of work: everything that a worker requests of its server, in the same process or over HTTP."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import EngineHealth, HealthEvent
from enginehouse.domain.engine_reload import ReloadReport
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Answer, ItemKey, Lease, Report
from enginehouse.engine import Output
from enginehouse.engines.http.form import CallFacts

LeaseId = tuple[ItemKey, int]
"""An item and the fencing token of one lease of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOffer:
    """What a worker offers: its worker slots by pool, the engines that it runs, and what its machine has.

    `reload` is what a server has found when it last read its installed engines.
    `elastic`: that may change, so it offers engines for which it has nothing now.
    """

    name: str
    pools: Mapping[str, int]
    engines: Collection[str]
    resources: Resources = NOTHING
    reload: ReloadReport | None = None
    elastic: bool = False


class WorkSource(Protocol):
    """The server's interface for workers. An attempt writes under its lease, and the source checks the fencing token.

    A result counts only when `finish` is accepted. Bytes that were put before are invisible until then, and are removed
    if `finish` returns Stale.
    """

    async def register(self, offer: WorkerOffer) -> None:
        """The worker has started, and claims only for the engines that it offers."""

    async def beat(self, offer: WorkerOffer) -> None:
        """The worker counts as there for three more beats."""

    async def leave(self, worker: str) -> None:
        """The worker has stopped, and nobody waits for it."""

    async def ready(self, *, pool: str) -> bool:
        """Returns True if a claim may find something. An idle worker can call it often, because it is cheap."""

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        """Up to `limit` runnable items are leased to the worker, none beyond its free resources.

        Each lease must end in a `finish`.
        """

    async def mark_queued(self, *, pool: str) -> int:
        """Tasks that wait for a worker slot of this pool are shown as queued."""

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        """The valid ones of these leases are extended.

        Returns them, each with True if it must stop because its job was cancelled.
        """

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        """The source has recorded that the engines of these attempts got a stop signal."""

    async def finish(self, report: Report) -> Answer:
        """The attempt has ended as reported, or the call returns Stale. A repeated report counts once."""

    async def engine(self, engine_id: str) -> EngineSpec | None:
        """Returns the spec of the engine, None if it is not installed."""

    async def engine_health(self, engine_id: str) -> EngineHealth:
        """Returns the health of an engine over HTTP."""

    async def record_engine_health(
        self, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool
    ) -> None:
        """The source knows what the worker has learned. It gives out no work of an unavailable engine."""

    async def due_probes(self) -> tuple[list[EngineSpec], float]:
        """Returns the engines that this worker probes now, and the seconds until the next look."""

    async def call_facts(self, lease: Lease) -> CallFacts:
        """Returns what an engine over HTTP is told besides its work, with a token for the task."""

    async def tell(self, lease: Lease, info: Any) -> None:
        """Clients see what the engine says of its work with the output of the task. Raises InvalidInput."""

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        """Returns the inputs of the item. `folder` of each is the position of its input folder."""

    async def artifacts(self, lease: Lease) -> tuple[Artifact, ...]:
        """Returns every visible result of the job so far."""

    async def primary_asset(self, lease: Lease) -> Asset | None:
        """Returns the primary asset of the job's target, None if there is no target or no asset."""

    def open(self, lease: Lease, stored: Artifact | Asset) -> AbstractAsyncContextManager[Path]:
        """Yields a local file with the bytes. Read it only inside the context. Raises NotFound."""

    async def put(self, lease: Lease, parts: Sequence[tuple[str, bytes | Path]]) -> list[Stored]:
        """The named parts are durable, in a place that no other lease writes to, and not visible yet."""

    async def create_asset(
        self, lease: Lease, output: Output, *, asset_type: str, as_primary: bool, replay_key: str
    ) -> Asset | None:
        """The job's target has a new asset with these bytes, once per `replay_key`.

        Returns None if there is no target.
        """

    async def log(self, lease: Lease, offset: int, data: bytes) -> int:
        """The attempt's log from `offset` on is `data`, and can be read. Returns where it ends.

        Repeated data is in the log once.
        """

    async def end_log(self, lease: Lease) -> None:
        """The attempt's log is complete. An attempt without a log is ignored."""


def offered(specs: Sequence[EngineSpec], pools: Mapping[str, int], resources: Resources) -> list[str]:
    """Returns the ids of the engines that have a worker slot, and all that they need, on this machine."""
    return [spec.id for spec in specs if pools.get(spec.kind, 0) > 0 and spec.resources.fits(resources)]
