"""The work source of a server that holds the storage itself."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset, attempt_folder, log_key
from enginehouse.domain.engine import EngineKind, EngineSpec
from enginehouse.domain.engine_health import EngineHealth, HealthEvent
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Answer, Lease, Report, seat
from enginehouse.engine import EngineFailure, Output
from enginehouse.engines.http.form import CallFacts
from enginehouse.operations import (
    artifacts,
    engine_health,
    placement,
    target_assets,
    task_tokens,
    task_updates,
    work,
    workers,
)
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.runtime.source import LeaseId, WorkerOffer


class InProcess:
    """A `WorkSource` on top of the operations. `api_url` is where engines find the server's interfaces.

    `installed` finds a Python engine as it is installed on this machine; without it, it is as it was stored.
    """

    def __init__(
        self,
        house: House,
        api_url: str | None = None,
        free: Callable[[], Resources] | None = None,
        installed: Callable[[str], EngineSpec | None] | None = None,
    ) -> None:
        self._house = house
        self._api_url = api_url
        self._free = free
        self._installed = installed
        self._seat = ""
        self._resources = NOTHING

    async def register(self, offer: WorkerOffer) -> None:
        self._seat = seat(offer.name)
        self._resources = offer.resources
        await workers.appear(self._house, **_reported(offer))

    async def beat(self, offer: WorkerOffer) -> None:
        await workers.beat(self._house, **_reported(offer))

    async def leave(self, worker: str) -> None:
        await workers.leave(self._house, worker)

    async def ready(self, *, pool: str) -> bool:
        self._make_room(pool)
        return self._seat not in self._house.presence.drained and await work.ready(self._house, pool=pool)

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        self._make_room(pool)
        return await work.claim(self._house, pool=pool, limit=limit, worker=worker)

    def _make_room(self, pool: str) -> None:
        if self._free is not None:
            self._house.queues[pool].give_room(placement.room(self._house, self._free(), {}))

    async def mark_queued(self, *, pool: str) -> int:
        return await work.mark_queued(self._house, pool=pool)

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        return await work.heartbeat(self._house, leases)

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        await work.signalled(self._house, leases)

    async def finish(self, report: Report) -> Answer:
        return await work.finish(self._house, report)

    async def engine(self, engine_id: str) -> EngineSpec | None:
        engine = self._house.catalogue.by_id.get(engine_id)
        if engine is None or engine.spec.kind is not EngineKind.PYTHON or self._installed is None:
            return None if engine is None else engine.spec
        found = self._installed(engine.spec.id)
        if found is None:
            text = f"{engine.spec.name} was removed from this machine before the attempt began."
            raise EngineFailure(text, FailureKind.NOT_STARTED)
        return found

    async def engine_health(self, engine_id: str) -> EngineHealth:
        return await engine_health.read(self._house, engine_id)

    async def record_engine_health(
        self, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool
    ) -> None:
        await engine_health.record(self._house, engine_id, event, reason, probed=probed)

    async def due_probes(self) -> tuple[list[EngineSpec], float]:
        return await engine_health.take_due(self._house, lambda spec: spec.resources.fits(self._resources))

    async def call_facts(self, lease: Lease) -> CallFacts:
        token, application_id = await task_tokens.of_attempt(self._house, lease)
        return CallFacts(
            job_number=lease.key.job_id,
            ordinal=lease.key.ordinal,
            application_id=application_id,
            token=token,
            api_url=self._api_url,
            poll=await task_updates.poll_of(self._house, lease),
            traceparent=await task_tokens.traceparent(self._house, lease),
        )

    async def tell(self, lease: Lease, info: Any) -> None:
        await task_updates.tell(self._house, lease, info)

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        return await work.inputs(self._house, lease)

    async def artifacts(self, lease: Lease) -> tuple[Artifact, ...]:
        return await artifacts.of_job(self._house, _principal(lease), Ref.of(lease.key.job_id))

    async def primary_asset(self, lease: Lease) -> Asset | None:
        if lease.target_id is None:
            return None
        return await target_assets.primary_asset(self._house, _principal(lease), Ref.of(lease.target_id))

    def open(self, lease: Lease, stored: Artifact | Asset) -> AbstractAsyncContextManager[Path]:
        if isinstance(stored, Artifact):
            return artifacts.open_verified(self._house, stored)
        return target_assets.open_verified(self._house, stored)

    async def put(self, lease: Lease, parts: Sequence[tuple[str, bytes | Path]]) -> list[Stored]:
        folder = f"{attempt_folder(lease.organization_id, lease.key.job_id, lease.key.ordinal)}/{lease.token}"
        return await self._house.store.put_many([(f"{folder}/{name}", source) for name, source in parts])

    async def create_asset(
        self, lease: Lease, output: Output, *, asset_type: str, as_primary: bool, replay_key: str
    ) -> Asset | None:
        if lease.target_id is None:
            return None
        new = AssetRequest(
            target=Ref.of(lease.target_id),
            asset_type=asset_type,
            content_type=output.media_type,
            name=output.name,
            source=output.data if output.data is not None else output.path,
            set_as_primary=as_primary,
            job_id=lease.key.job_id,
            ordinal=lease.key.ordinal,
            engine_id=lease.engine_id,
        )
        return await target_assets.record_asset(self._house, lease.organization_id, new, replay_key=replay_key)

    async def log(self, lease: Lease, offset: int, data: bytes) -> int:
        key = log_key(lease.organization_id, *lease.key, lease.attempt)
        return await self._house.store.append(key, offset, data)

    async def end_log(self, lease: Lease) -> None:
        await self._house.store.complete(log_key(lease.organization_id, *lease.key, lease.attempt))


def _reported(offer: WorkerOffer) -> dict[str, Any]:
    return {
        "name": offer.name,
        "pools": offer.pools,
        "engines": offer.engines,
        "resources": offer.resources,
        "reload": offer.reload,
    }


def _principal(lease: Lease) -> Principal:
    """Returns the principal of an attempt: the organization of its job, and no user."""
    return Principal(lease.organization_id, None, "attempt", Role.USER)
