"""The loops of this process, and the order in which they start and stop."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.outage import Outage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """The loops of one server."""

    dispatcher: Dispatcher
    heartbeat: Heartbeat
    capacity: Capacity
    duties: Sequence[Loop]
    drain_seconds: float
    outage: Outage = field(default_factory=Outage)
    haste: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        """The loops run. The heartbeat starts first, so that every lease is extended from the beginning."""
        for loop in (*self._heartbeat_loops(), self.dispatcher.loop, *self.duties):
            loop.start(self.outage)

    async def stop(self) -> None:
        """Every attempt has ended or was given back, and the loops have ended. Nothing new was claimed meanwhile."""
        await self.dispatcher.loop.stop()
        seconds = 0.0 if self.haste.is_set() else self.drain_seconds
        if self.capacity.running:
            log.info("waiting for running attempts", attempts=len(self.capacity.running), seconds=seconds)
        await self.capacity.drain(seconds)
        for loop in (*self.duties, *self._heartbeat_loops()):
            await loop.stop()

    def _heartbeat_loops(self) -> Sequence[Loop]:
        return (self.heartbeat.loop, self.heartbeat.fence, self.heartbeat.signals)

    def hurry(self) -> None:
        """A stop, now or later, gives running attempts back instead of waiting for them."""
        self.haste.set()
        for attempt in list(self.capacity.running.values()):
            attempt.task.cancel()
