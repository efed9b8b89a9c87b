"""Delivers the messages of the outbox, over a bounded number of connections."""

import asyncio
from typing import Final

import structlog

from enginehouse.operations import outbox
from enginehouse.operations.house import House
from enginehouse.operations.outbox import DeliveryAttempt, Send
from enginehouse.runtime.loop import Loop

log = structlog.get_logger(__name__)

CONNECTIONS: Final = 16
LONGEST_SLEEP: Final = 0.5  # seconds; within this time a new message is seen


class Deliverer:
    """One deliverer. Any number may share a storage: each attempt belongs to the one that has leased it."""

    def __init__(self, house: House, send: Send) -> None:
        self._house = house
        self._send = send
        self._open: set[asyncio.Task[None]] = set()
        self.loop = Loop("deliverer", self.tick)

    async def tick(self) -> float:
        """Attempts begin for the messages that are due, as long as there is a free connection."""
        free = CONNECTIONS - len(self._open)
        attempts = await outbox.claim(self._house, limit=free) if free else []
        for attempt in attempts:
            task = asyncio.create_task(self._deliver(attempt))
            self._open.add(task)
            task.add_done_callback(self._ended)
        return LONGEST_SLEEP

    async def close(self) -> None:
        """No attempt of this server is open. One that was cut off is made again."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, attempt: DeliveryAttempt) -> None:
        await outbox.deliver(self._house, attempt, self._send)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its end is not recorded, so the message is due again when the lease ends.
            log.warning("an attempt to deliver was not recorded", exc_info=error)
        self.loop.wake()
