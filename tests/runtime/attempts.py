"""Attempts that a test controls: their leases, when they end, and whether they were stopped."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests import make
from tests.runtime.floor import Floor

from enginehouse.domain.work import WHOLE, ItemKey, Lease
from enginehouse.engine import Output
from enginehouse.engine import Work as EngineWork
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.runtime.capacity import Capacity

LEASE = 30.0


def lease(job_id: int, token: int = 1) -> Lease:
    return Lease(
        key=ItemKey(job_id, 0, 0),
        token=token,
        until=0,
        organization_id=1,
        engine_id="noop",
        attempt=1,
        source=WHOLE,
        plan=make.planned(make.independent(1)),
        target_id=None,
    )


class Work:
    """An attempt that ends when its gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.cancels = 0

    async def run(self) -> None:
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancels += 1
                return

    async def stubborn(self) -> None:
        """Counts its cancels and goes on."""
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancels += 1


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Long:
    """An engine that works until the gate opens, and stores when it was cancelled."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.working = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, work: EngineWork, context: NativeContext) -> list[Output]:
        self.working.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return [Output(media_type="text/plain", data=b"x")]


@asynccontextmanager
async def attempt(floor: Floor, *, held_for: float = 0.0) -> AsyncIterator[tuple[Capacity, Long, Lease]]:
    """Yields a running attempt whose lease was last known to be valid `held_for` seconds ago."""
    long = Long()
    floor.script("scripted", long)
    lease = await floor.lease_one()
    capacity = Capacity({"native": 1})
    capacity.start(lease, "native", floor.runner_of(capacity).run(lease), now=time.monotonic() - held_for)
    await asyncio.wait_for(long.working.wait(), 10)
    try:
        yield capacity, long, lease
    finally:
        await capacity.drain(0)
