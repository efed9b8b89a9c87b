"""Work goes to free slots: claim as many leases as there are, start them, look again."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence

from enginehouse.domain.work import Lease
from enginehouse.runtime.capacity import Slots
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.source import WorkSource

IDLE_SECONDS = 0.5
MARK_SECONDS = 1.0
HELD_SECONDS = 0.02
LARGEST_CLAIM = 256

Run = Callable[[Lease], Coroutine[None, None, None]]


class Dispatcher:
    """Keeps the slots of this process busy. `run` is the whole life of one attempt, report included."""

    def __init__(self, source: WorkSource, slots: Slots, run: Run, *, worker: str) -> None:
        self._source = source
        self._slots = slots
        self._run = run
        self._worker = worker
        self._marked_at: dict[str, float] = {}
        self.loop = Loop("dispatcher", self.tick)
        # Woken when the slot is free, not when its attempt is done: a tick in between would find nothing and sleep.
        slots.freed = self.loop.wake

    async def tick(self) -> float:
        """Every pool with free slots has been offered work; answers 0 where a full claim says there is more."""
        return min([await self._fill(pool) for pool in self._slots.capacity], default=IDLE_SECONDS)

    async def _fill(self, pool: str) -> float:
        """The pool's free slots have been offered work; answers when to look again."""
        free = self._slots.free(pool)
        if free <= 0:
            await self._mark_waiting(pool)
            return IDLE_SECONDS
        if not await self._source.ready(pool=pool):
            return IDLE_SECONDS
        limit = min(free, LARGEST_CLAIM)
        # Leases count from before the call: its answer may be slow.
        asked_at = time.monotonic()
        claiming = asyncio.ensure_future(self._source.claim(pool=pool, limit=limit, worker=self._worker))
        try:
            leases = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # Stopped in mid-claim: what is leased by then is started and drained like the rest, not forgotten.
            self._start(pool, await claiming, asked_at)
            raise
        self._start(pool, leases, asked_at)
        if len(leases) == limit:
            return 0.0
        # What is ready but could not be had is held by somebody, for the moment of a commit.
        return IDLE_SECONDS if leases else HELD_SECONDS

    def _start(self, pool: str, leases: Sequence[Lease], asked_at: float) -> None:
        for lease in leases:
            self._slots.start(lease, pool, self._run(lease), now=asked_at)

    async def _mark_waiting(self, pool: str) -> None:
        """Off the hot path: what waits because the slots are full is shown as queued, at most once a second."""
        now = time.monotonic()
        if now - self._marked_at.get(pool, 0.0) >= MARK_SECONDS:
            self._marked_at[pool] = now
            await self._source.mark_queued(pool=pool)
