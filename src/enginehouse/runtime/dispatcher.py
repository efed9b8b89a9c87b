"""Gives work to free worker slots: it claims a lease for each, starts the attempts, and looks again."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import Lease
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource

IDLE_SECONDS = 0.5
MARK_SECONDS = 1.0
LOCKED_SECONDS = 0.02
LARGEST_CLAIM = 256

Run = Callable[[Lease], Coroutine[None, None, None]]


class Dispatcher:
    """Keeps the worker slots of this process busy. `run` runs one attempt and reports its end.

    A claim takes up to `largest()` leases.
    """

    def __init__(
        self,
        source: WorkSource,
        capacity: Capacity,
        run: Run,
        *,
        worker: str,
        largest: Callable[[], int] = lambda: LARGEST_CLAIM,
    ) -> None:
        self._source = source
        self._capacity = capacity
        self._run = run
        self._worker = worker
        self._largest = largest
        self._marked_at: dict[str, float] = {}
        self._wanting: set[str] = set()  # pools to look for in the next tick; if there are none, it looks for all
        self._promised: set[str] = set()  # pools for which this process has stored items since the last look
        self._expected: set[str] = set()  # pools that were told before, and not yet when it was stored
        self._due: dict[str, float] = {}  # when to look for work of each pool again (monotonic seconds)
        self.loop = Loop("dispatcher", self.tick)
        # A slot becomes free before its attempt is done. A tick in between would find no work and sleep.
        capacity.on_free = self._free

    def expect(self, pools: Collection[str]) -> None:
        """This process is about to store items for these pools, or has just done so. An idle pool claims at once.

        `wake` follows when they are stored. Then a pool that has claimed only looks around.
        """
        idle = [pool for pool in pools if self._capacity.is_idle(pool) and self._capacity.free(pool) > 0]
        if idle:
            self._promised.update(idle)
            self._expected.update(idle)
            self._wanting.update(idle)
            self.loop.wake()

    def wake(self, pools: Collection[str] | None = None, *, stored_here: bool = False) -> None:
        """There may be work for these pools (None: for any). The next tick begins at once and looks for them.

        A full pool looks for work when it has a free slot. Then it is only shown that tasks wait for it. `stored_here`:
        this process has just stored it, so it mostly is the one that gets it.
        """
        if stored_here and pools is not None:
            self._promised.update(set(pools) - self._expected)
            self._expected.difference_update(pools)
        named = self._capacity.pools.keys() if pools is None else self._capacity.pools.keys() & pools
        wanting = [pool for pool in named if self._capacity.free(pool) > 0 or self._may_mark(pool)]
        if wanting:
            self._wanting.update(wanting)
            self.loop.wake()

    def _free(self, pool: str) -> None:
        """The next tick begins at once and looks for this pool, if it can take something."""
        if self._capacity.free(pool) > 0:
            self._wanting.add(pool)
            self.loop.wake()

    async def tick(self) -> float:
        """Every pool that can take leases has got work.

        Returns the pause, 0 if there may be more: after a full claim, and after one without a look.
        """
        pools, self._wanting = self._wanting or set(self._capacity.pools), set()
        for pool in pools:
            self._due[pool] = await self._fill(pool) + time.monotonic()
        return max(0.0, min(self._due.values(), default=IDLE_SECONDS) - time.monotonic())

    async def _fill(self, pool: str) -> float:
        """The free worker slots of the pool have got work. Returns the seconds until the next look."""
        promised = pool in self._promised
        self._promised.discard(pool)
        free = self._capacity.free(pool)
        if free <= 0:
            await self._mark_queued(pool)
            return IDLE_SECONDS
        # An idle pool claims what it was told of at once. Where that was is mostly known; it looks around afterwards.
        at_once = promised and self._capacity.is_idle(pool)
        if not at_once and not await self._source.ready(pool=pool):
            return IDLE_SECONDS
        limit = min(free, self._largest())
        # Leases count from before the call, because it may be slow.
        began = time.monotonic()
        claim = asyncio.ensure_future(self._source.claim(pool=pool, limit=limit, worker=self._worker))
        try:
            leases = await asyncio.shield(claim)
        except asyncio.CancelledError:
            # A cancel came during the claim. The claimed leases are started and drained like the others, so none is
            # forgotten. A claim that fails must not replace the cancel: nobody would see that the loop has to end.
            with suppress(Unavailable):
                self._start(pool, await claim, began)
            raise
        self._start(pool, leases, began)
        if at_once:
            self._wanting.add(pool)  # only this one
        if at_once or len(leases) == limit:
            return 0.0
        # Items that are ready but could not be claimed are locked by another transaction, for a moment.
        return IDLE_SECONDS if leases else LOCKED_SECONDS

    def _start(self, pool: str, leases: Sequence[Lease], began: float) -> None:
        for lease in leases:
            self._capacity.start(lease, pool, self._run(lease), now=began)

    async def _mark_queued(self, pool: str) -> None:
        """Tasks that wait for a full pool are shown as queued. It happens at most once a second, off the hot path."""
        if self._may_mark(pool):
            self._marked_at[pool] = time.monotonic()
            await self._source.mark_queued(pool=pool)

    def _may_mark(self, pool: str) -> bool:
        return time.monotonic() - self._marked_at.get(pool, 0.0) >= MARK_SECONDS
