"""The workers on other machines that wait for work at this server. As many are told as there are items.

Whoever is told is about to claim. Until it has, or for a moment, one item counts as promised to it, so that no second
worker is told of that item. Nothing is leased: a worker that is told and does not claim costs others only that moment.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.quotas import Lane
from enginehouse.operations.instance_states import InstanceState

MOST_TOLD: Final = 32  # workers that have not claimed yet; more would only queue behind them
PROMISED: Final = 0.1  # seconds
LOCKED: Final = 0.02  # seconds
SILENT: Final = 1.0  # seconds after which a worker that was told is not expected to claim any more
LOOK_AGAIN: Final = 0.5  # seconds; an item may become startable without a word
FRESH: Final = 0.25  # seconds for which those that arrive share a look

Look = Callable[[Sequence[str]], Awaitable[Sequence[tuple[str, Lane, int]]]]
"""Returns how many items of each lane of these pools may start now, counted up to twice `MOST_TOLD`."""

_log: Final = structlog.get_logger(__name__)


class Wants(NamedTuple):
    """What a waiting worker takes: the items of these pools, engines and organizations (None: of any)."""

    pools: tuple[str, ...]
    engines: frozenset[str]
    organizations: frozenset[int] | None

    def takes(self, pool: str, lane: Lane) -> bool:
        """True if an item of the lane is for such a worker."""
        return (
            pool in self.pools
            and lane.engine_id in self.engines
            and (self.organizations is None or lane.organization_id in self.organizations)
        )


@dataclass(slots=True, eq=False)
class Waiter:
    """A worker that waits. `told` gets the pool with work, or None if it shall wait no longer."""

    number: int
    state: InstanceState
    wants: Wants
    told: "asyncio.Future[str | None]"


@dataclass(slots=True)
class LaneLeft:
    """A lane of the last look, and for how many of its items nobody was told."""

    pool: str
    lane: Lane
    left: int


@dataclass(slots=True)
class Promise:
    """What a worker was told, at this moment (seconds of the clock).

    `until`: no other is told of the item before. `is_claimed`: the worker has claimed, and has got nothing.
    """

    pool: str
    lane: Lane
    at: float
    until: float
    is_claimed: bool = False


class WorkWaits:
    """Tells the workers that wait longest first. While nobody waits, no task runs."""

    def __init__(
        self, look: Look, is_drained: Callable[[str], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = look
        self._is_drained = is_drained
        self._clock = clock
        self._lines: dict[Wants, dict[int, Waiter]] = {}  # in the order of their arrival
        self._by_worker: dict[str, Waiter] = {}
        self._numbers = itertools.count()
        self._lanes: list[LaneLeft] = []
        self._looked_at = float("-inf")
        self._rings = 0
        self._promises: dict[tuple[str, str], Promise] = {}  # by worker and pool
        self._serving = asyncio.Lock()
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many workers wait."""
        return len(self._by_worker)

    async def wait(self, state: InstanceState, pools: Sequence[str], seconds: float) -> tuple[list[str], bool]:
        """Returns the pool with work for the worker, and whether a lease of it may have to stop.

        It returns when there is either, when the worker waits again elsewhere, or after `seconds`. Raises Unavailable.
        """
        waiter = self._join(state, tuple(pools))
        try:
            if not (state.stop_due or self._closed):
                await self._serve()
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await waiter.told
        finally:
            self._leave(waiter)
        stop, state.stop_due = state.stop_due, False
        pool = waiter.told.result() if waiter.told.done() and not waiter.told.cancelled() else None
        return ([] if pool is None else [pool]), stop

    def ring(self) -> None:
        """There may be new items: the lanes are looked at again."""
        self._looked_at = float("-inf")
        self._rings += 1
        self._due.set()

    def claimed(self, state: InstanceState, pool: str, *, has_work: bool) -> None:
        """The worker has claimed, and is promised nothing any more.

        If it has got nothing, another transaction may hold the item for a moment, and the next worker would not get it.
        """
        key = (state.instance.id, pool)
        if (promise := self._promises.get(key)) is None:
            return
        if has_work:
            del self._promises[key]
            self.ring()
        else:
            promise.is_claimed, promise.until = True, self._clock() + LOCKED
            self._due.set()

    def stop(self) -> None:
        """The workers with a lease that may have to stop are told."""
        for waiter in list(self._by_worker.values()):
            if waiter.state.stop_due:
                self._tell(waiter, None)

    def end(self) -> None:
        """Nobody waits. Whoever waits again may take work of other engines by then."""
        for waiter in list(self._by_worker.values()):
            self._tell(waiter, None)

    async def close(self) -> None:
        """Nobody waits any more: the server stops."""
        self._closed = True
        self.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _join(self, state: InstanceState, pools: tuple[str, ...]) -> Waiter:
        """The worker waits. If it has waited before, that request has ended without this server knowing it."""
        if (former := self._by_worker.get(state.instance.id)) is not None:
            self._tell(former, None)
        for key in ((state.instance.id, pool) for pool in pools):
            if (promise := self._promises.get(key)) is not None and not promise.is_claimed:
                del self._promises[key]  # it did not hear of that item
                self.ring()
        wants = Wants(pools, state.offers, state.owners)
        waiter = Waiter(next(self._numbers), state, wants, asyncio.get_running_loop().create_future())
        self._by_worker[state.instance.id] = waiter
        self._lines.setdefault(wants, {})[waiter.number] = waiter
        if self._task is None and not self._closed:
            # It serves all workers, so it does not use the context of one of them.
            self._task = asyncio.create_task(self._keep_serving(), name="work waits", context=Context())
        return waiter

    def _leave(self, waiter: Waiter) -> None:
        if self._by_worker.get(waiter.state.instance.id) is waiter:
            del self._by_worker[waiter.state.instance.id]
        if (line := self._lines.get(waiter.wants)) is not None:
            line.pop(waiter.number, None)
            if not line:
                del self._lines[waiter.wants]

    def _tell(self, waiter: Waiter, pool: str | None) -> None:
        self._leave(waiter)
        if not waiter.told.done():
            waiter.told.set_result(pool)

    async def _keep_serving(self) -> None:
        while self._by_worker:
            self._due.clear()
            try:
                await self._serve()
            except Unavailable:
                pass  # the next look may succeed
            except Exception:
                _log.exception("the waiting items could not be read")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._due.wait()
        self._task = None

    async def _serve(self) -> None:
        """As many workers are told as there are items for which nobody was. Raises Unavailable."""
        async with self._serving:
            now = self._clock()
            if self._lapse(now) or now - self._looked_at >= FRESH:
                await self._look(now)
            lanes = [lane for lane in self._lanes if lane.left > 0]
            while lanes:  # in turns, so that a long lane does not keep the workers of others waiting
                lanes = [lane for lane in lanes if self._tell_one(lane, now)]

    def _pause(self) -> float:
        if not self._promises:
            return LOOK_AGAIN
        return LOCKED if any(promise.is_claimed for promise in self._promises.values()) else PROMISED

    def _lapse(self, now: float) -> bool:
        """Returns True if promises do not hold any more: others are told of their items."""
        late = [key for key, promise in self._promises.items() if promise.until <= now]
        for key in late:
            promise = self._promises[key]
            promise.until = float("inf")
            if promise.is_claimed:
                del self._promises[key]
        self._promises = {key: each for key, each in self._promises.items() if now - each.at < SILENT}
        return bool(late)

    async def _look(self, now: float) -> None:
        pools = sorted({pool for wants in self._lines for pool in wants.pools})
        promised = Counter((each.pool, each.lane) for each in self._promises.values() if each.until < float("inf"))
        rings = self._rings
        found = await self._read(pools) if pools else []
        self._lanes = [LaneLeft(pool, lane, items - promised[pool, lane]) for pool, lane, items in found]
        if self._rings == rings:  # else the look may be older than what was rung for
            self._looked_at = now

    def _tell_one(self, lane: LaneLeft, now: float) -> bool:
        """One worker is told of an item of the lane. Returns False if there is no other item, or nobody for it."""
        if len(self._promises) >= MOST_TOLD:
            return False
        firsts = [self._first(wants, lane) for wants in self._lines if wants.takes(lane.pool, lane.lane)]
        waiter = min((each for each in firsts if each is not None), key=lambda each: each.number, default=None)
        if waiter is None:
            return False
        lane.left -= 1
        self._promises[waiter.state.instance.id, lane.pool] = Promise(lane.pool, lane.lane, now, now + PROMISED)
        self._tell(waiter, lane.pool)
        return lane.left > 0

    def _first(self, wants: Wants, lane: LaneLeft) -> Waiter | None:
        """Returns the first of these workers that may claim and has room for the item."""
        for waiter in self._lines[wants].values():
            room = waiter.state.queues[lane.pool].room
            has_room = room is None or room.fits(lane.lane.engine_id)
            if has_room and not self._is_drained(waiter.state.instance.worker):
                return waiter
        return None
