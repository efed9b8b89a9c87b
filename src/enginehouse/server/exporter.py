"""Makes the exports that wait, a few at a time."""

import asyncio
from functools import partial
from typing import Final

import structlog

from enginehouse.domain.exports import Export
from enginehouse.operations import export_leases
from enginehouse.operations.house import House
from enginehouse.runtime.loop import Loop

log = structlog.get_logger(__name__)

AT_ONCE: Final = 2
LONGEST_SLEEP: Final = 0.5  # seconds; within this time a new export is seen


class Exporter:
    """One exporter. Any number may share a storage: each export belongs to the one that has leased it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._open: set[asyncio.Task[None]] = set()
        self.loop = Loop("exporter", self.tick)

    async def tick(self) -> float:
        """Exports that wait are being made, as long as there is room."""
        free = AT_ONCE - len(self._open)
        for export in await export_leases.claim(self._house, limit=free) if free else []:
            task = asyncio.create_task(export_leases.make(self._house, export))
            self._open.add(task)
            task.add_done_callback(partial(self._ended, export))
        return LONGEST_SLEEP

    async def close(self) -> None:
        """No export is being made here. One that was cut off is made again, by the next server."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, export: Export, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its end is not recorded, so another server takes it when the lease ends.
            log.warning("the end of an export was not recorded", export=export.id, exc_info=error)
        self.loop.wake()
