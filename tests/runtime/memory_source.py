"""A work source in a few dictionaries, without a database or a house.

A worker that runs with it runs with any source.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import make

from enginehouse.artifacts.store import Stored
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import HEALTHY, EngineHealth, HealthEvent, after
from enginehouse.domain.errors import NotFound
from enginehouse.domain.job import JobRequest, Plan
from enginehouse.domain.work import WHOLE, Accepted, Answer, ItemKey, Lease, Report, Stale
from enginehouse.engine import Output
from enginehouse.engines.http.form import CallFacts
from enginehouse.runtime.source import LeaseId, WorkerOffer


@dataclass
class MemorySource:
    """Items wait until they are claimed. A local file exists only while it is open."""

    folder: Path
    specs: dict[str, EngineSpec] = field(default_factory=dict)
    items: list[Lease] = field(default_factory=list)
    leases: dict[LeaseId, Lease] = field(default_factory=dict)
    cancelled: set[LeaseId] = field(default_factory=set)
    signalled: set[LeaseId] = field(default_factory=set)
    reports: list[Report] = field(default_factory=list)
    refused: list[Report] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    chunks: tuple[Artifact, ...] = ()
    asset: Asset | None = None
    assets: list[tuple[LeaseId, Output, str]] = field(default_factory=list)
    logs: dict[LeaseId, bytes] = field(default_factory=dict)
    ended_logs: list[LeaseId] = field(default_factory=list)
    log_trouble: Exception | None = None
    log_gate: asyncio.Event | None = None
    offers: list[tuple[str, WorkerOffer | str]] = field(default_factory=list)
    opened: int = 0
    poll: Any = None
    told: list[Any] = field(default_factory=list)
    tell_trouble: Exception | None = None
    health: dict[str, EngineHealth] = field(default_factory=dict)
    health_events: list[tuple[HealthEvent, str | None, bool]] = field(default_factory=list)

    async def register(self, offer: WorkerOffer) -> None:
        self.offers.append(("register", offer))

    async def beat(self, offer: WorkerOffer) -> None:
        self.offers.append(("beat", offer))

    async def leave(self, worker: str) -> None:
        self.offers.append(("leave", worker))

    async def ready(self, *, pool: str) -> bool:
        return bool(self.items)

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        taken, self.items = self.items[:limit], self.items[limit:]
        self.leases |= {(lease.key, lease.token): lease for lease in taken}
        return taken

    async def mark_queued(self, *, pool: str) -> int:
        return 0

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        return {lease_id: lease_id in self.cancelled for lease_id in leases if lease_id in self.leases}

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        self.signalled.update(leases)

    async def finish(self, report: Report) -> Answer:
        if self.leases.pop((report.key, report.token), None) is None:
            self.refused.append(report)
            return Stale()
        self.reports.append(report)
        return Accepted(job_ended=True)

    async def engine(self, engine_id: str) -> EngineSpec | None:
        return self.specs.get(engine_id)

    async def engine_health(self, engine_id: str) -> EngineHealth:
        return self.health.get(engine_id, HEALTHY)

    async def record_engine_health(
        self, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool
    ) -> None:
        old = self.health.get(engine_id, HEALTHY)
        self.health[engine_id] = after(old, event, reason, now=0, probed=probed)
        self.health_events.append((event, reason, probed))

    async def due_probes(self) -> tuple[list[EngineSpec], float]:
        due = [self.specs[name] for name, health in self.health.items() if health.until is not None]
        return due, 60.0

    async def call_facts(self, lease: Lease) -> CallFacts:
        return CallFacts(
            job_number=lease.key.job_id,
            ordinal=lease.key.ordinal,
            application_id="application",
            token="the.task.token",
            api_url="http://server",
            poll=self.poll,
        )

    async def tell(self, lease: Lease, info: Any) -> None:
        self.told.append(info)
        if self.tell_trouble is not None:
            raise self.tell_trouble

    async def inputs(self, lease: Lease) -> tuple[Artifact, ...]:
        return self.chunks

    async def artifacts(self, lease: Lease) -> tuple[Artifact, ...]:
        return self.chunks

    async def primary_asset(self, lease: Lease) -> Asset | None:
        return self.asset

    @asynccontextmanager
    async def open(self, lease: Lease, stored: Artifact | Asset) -> AsyncIterator[Path]:
        if stored.key not in self.stored:
            raise NotFound("artifact", stored.key)
        self.opened += 1
        path = self.folder / f"opened-{self.opened}"
        path.write_bytes(self.stored[stored.key])
        yield path
        path.unlink()

    async def put(self, lease: Lease, parts: Sequence[tuple[str, bytes | Path]]) -> list[Stored]:
        return [self._put(f"{lease.token}/{name}", source) for name, source in parts]

    async def create_asset(
        self, lease: Lease, output: Output, *, asset_type: str, as_primary: bool, replay_key: str
    ) -> Asset | None:
        self.assets.append(((lease.key, lease.token), output, replay_key))
        return self.asset

    async def log(self, lease: Lease, offset: int, data: bytes) -> int:
        if self.log_trouble is not None:
            raise self.log_trouble
        if self.log_gate is not None:
            await self.log_gate.wait()
        lease_id = (lease.key, lease.token)
        assert offset == len(self.logs.get(lease_id, b""))
        self.logs[lease_id] = self.logs.get(lease_id, b"") + data
        return offset + len(data)

    async def end_log(self, lease: Lease) -> None:
        assert (lease.key, lease.token) not in self.ended_logs
        self.ended_logs.append((lease.key, lease.token))

    def add(self, request: JobRequest | Plan, *, ordinal: int = 0, target_id: int | None = None) -> Lease:
        """One task of a job can be claimed, as its job's only item. Returns its lease."""
        plan = request if isinstance(request, Plan) else make.planned(request)
        number = len(self.items) + len(self.leases) + len(self.reports) + 1
        lease = Lease(
            key=ItemKey(number, ordinal, 0),
            token=1000 + number,
            until=0,
            organization_id=1,
            engine_id=plan.tasks[ordinal].engine_id,
            attempt=1,
            source=WHOLE,
            plan=plan,
            target_id=target_id,
        )
        self.items.append(lease)
        return lease

    def _put(self, key: str, source: bytes | Path) -> Stored:
        data = source if isinstance(source, bytes) else source.read_bytes()
        self.stored[key] = data
        sha256, md5 = hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest()
        return Stored(key=key, size=len(data), sha256=sha256, md5=md5)
