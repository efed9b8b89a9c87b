"""Waits at the server for work: one long request for all pools of the worker, which also says when to stop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from enginehouse.runtime.loop import Loop
from enginehouse.wire.worker import LONGEST_WAIT
from enginehouse.worker.backoff import Backoff
from enginehouse.worker.connection import ServerAway, TokenRefused
from enginehouse.worker.http_source import HttpSource

_CLAIM_SECONDS: Final = 0.5  # within them the dispatcher has claimed what was ready


class WorkWatch:
    """Keeps one request open that ends when there is work. It leases nothing, so nothing is lost with it.

    It waits only for pools with a free slot: the server tells as many workers as there are items, and a busy one would
    be told instead of another. `free`: the free slots by pool. `on_work` is called when a pool has work, `on_stop` when
    leases should be prolonged at once.
    """

    def __init__(
        self,
        source: HttpSource,
        pools: Mapping[str, int],
        *,
        free: Callable[[str], int],
        on_work: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        self._source = source
        self._pools = [pool for pool, slots in pools.items() if slots > 0]
        self._free = free
        self._on_work = on_work
        self._on_stop = on_stop
        self._backoff = Backoff()
        self._waits_for = frozenset[str]()
        self.loop = Loop("wait for work", self.tick)

    async def tick(self) -> float:
        """Whoever waits knows of work that has come. Returns the pause."""
        source = self._source
        source.changed.clear()
        if any(self._free(pool) > 0 for pool in source.ready_pools):
            await self._until_changed()
            return 0.0
        self._waits_for = frozenset(self._wanted())
        request = asyncio.create_task(source.wait(sorted(self._waits_for), LONGEST_WAIT))
        try:
            if await self._answered(request):
                if request.result():
                    self._on_stop()
                if source.ready_pools:
                    self._on_work()
        except TokenRefused:
            return LONGEST_WAIT
        except ServerAway as away:
            await asyncio.sleep(self._backoff.next(away.retry_after))
            raise
        finally:
            self._waits_for = frozenset()
            request.cancel()
            await asyncio.wait([request])
        self._backoff.reset()
        return 0.0

    def slot_free(self, pool: str) -> None:
        """The worker waits for this pool too, from now on."""
        if pool not in self._waits_for and pool not in self._source.ready_pools:
            self._source.changed.set()

    def _wanted(self) -> list[str]:
        return [pool for pool in self._pools if pool not in self._source.ready_pools and self._free(pool) > 0]

    async def _answered(self, request: "asyncio.Task[bool]") -> bool:
        """Returns True when the request is answered, False when it should wait for another pool too."""
        while True:
            changed = asyncio.create_task(self._source.changed.wait())
            try:
                await asyncio.wait({request, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
            if request.done():
                return True
            self._source.changed.clear()
            if not self._waits_for.issuperset(self._wanted()):
                return False

    async def _until_changed(self) -> None:
        try:
            async with asyncio.timeout(_CLAIM_SECONDS):
                await self._source.changed.wait()
        except TimeoutError:
            self._on_work()
