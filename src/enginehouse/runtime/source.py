"""Where work comes from: all that a worker asks of its server, whether that is in this process or behind HTTP."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.work import Answer, ItemKey, Lease, Report
from enginehouse.engine import Output

LeaseId = tuple[ItemKey, int]
"""An item and the fencing token of one lease of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOffer:
    """What a worker brings: its worker slots by pool, and the engines it runs."""

    name: str
    pools: Mapping[str, int]
    engines: Collection[str]


class WorkSource(Protocol):
    """The server as a worker sees it. What an attempt writes goes under its lease, whose fencing token is checked.

    A result counts only when `finish` is accepted. What was put before stays invisible until then, and is removed where
    the answer is Stale.
    """

    async def register(self, offer: WorkerOffer) -> None:
        """The worker has started, and claims for the engines it offers only."""

    async def beat(self, offer: WorkerOffer) -> None:
        """The worker is known to be there for three beats more."""

    async def leave(self, worker: str) -> None:
        """The worker has stopped, and nobody waits for it."""

    async def ready(self, *, pool: str) -> bool:
        """Whether a claim would find something to look at; cheap enough to ask when nothing goes on."""

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        """Up to `limit` runnable items are leased to the worker. Each must end in a `finish`."""

    async def mark_queued(self, *, pool: str) -> int:
        """What waits for a worker slot of this pool says so."""

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        """The valid ones among the leases run on; returns those, and whether each is to stop: its job was cancelled."""

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        """It is recorded that the engines of these attempts were signalled to stop."""

    async def finish(self, report: Report) -> Answer:
        """The attempt has ended as reported, or the answer is Stale. A repeated report counts once."""

    async def engine(self, engine_id: str) -> EngineSpec | None:
        """What is known of the engine; None for one that is not installed."""

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        """What the item reads; `folder` of each is the position of the input folder it arrives in."""

    async def artifacts(self, lease: Lease) -> tuple[Artifact, ...]:
        """Every visible result of the job so far."""

    async def primary_asset(self, lease: Lease) -> Asset | None:
        """The primary asset of the job's target; None where there is no target or no asset."""

    def open(self, lease: Lease, stored: Artifact | Asset) -> AbstractAsyncContextManager[Path]:
        """A local file with the bytes, to read inside the context. Raises NotFound."""

    async def put(self, lease: Lease, parts: Sequence[tuple[str, bytes | Path]]) -> list[Stored]:
        """The named parts are durable, in a place that no other lease writes to, and not visible yet."""

    async def create_asset(
        self, lease: Lease, output: Output, *, asset_type: str, as_primary: bool, replay_key: str
    ) -> Asset | None:
        """The job's target has a new asset with these bytes, once per `replay_key`; None where there is no target."""

    async def log(self, lease: Lease, offset: int, data: bytes) -> int:
        """The attempt's log from `offset` on is `data`, and can be read; returns where it ends.

        Data that is sent again is in the log once.
        """
