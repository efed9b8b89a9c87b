"""The worker slots of a pool, and how many leases the pool may hold beyond them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure
from enginehouse.runtime.report_wait import ReportWait

AHEAD_SECONDS: Final = 0.05  # a lease beyond the slots should have its slot within this time
GIVE_BACK_SECONDS: Final = 0.5  # a lease ahead that has no slot by then is given back
LATE_SECONDS: Final = 5.0  # without leases ahead: the slots are fewer since the claim, and often only for a moment
MOST_AHEAD: Final = 128
_FORGET: Final = 0.9  # of the longest run with each that follows
_SHARE: Final = 0.05  # of each run in the mean
_NOT_STARTED: Final = "No worker slot became free in time, so the item was given back."


class _Turn(NamedTuple):
    """A holder that waits for a slot. `got` becomes True with the slot, and False when the loop's time is `until`."""

    holder: object
    got: "asyncio.Future[bool]"
    until: float


@dataclass(slots=True)
class WorkerSlots:
    """`number` engines of the pool run at a time. Leases may wait for a slot if engines are short.

    A slot that waits for the next claim is idle for a commit, which is longer than a short engine runs. So the pool
    holds as many leases ahead as will have started within AHEAD_SECONDS, if engines run as long as recent ones, and one
    of them as long as the longest. `leases_ahead` False allows none.
    """

    number: int
    leases_ahead: bool = False
    clock: Callable[[], float] = time.monotonic
    held: int = 0  # leases whose engine has not ended
    _busy: dict[object, float] = field(default_factory=dict)  # since when (monotonic seconds)
    _longest: float | None = None  # seconds; a maximum of recent runs that decays
    _mean: float = 0.0  # seconds; of recent runs
    _turns: deque[_Turn] = field(default_factory=deque)  # in order
    _timer: asyncio.TimerHandle | None = None  # of the first that waits; one for each would cost more than its engine
    _reports: ReportWait = field(default_factory=ReportWait)

    def resize(self, number: int) -> None:
        """The pool has so many slots. Engines that run in what is gone run on, and their slots are not taken again."""
        self.number = number
        self._give()

    def free(self) -> int:
        """Returns how many leases the pool can take. One with leases ahead takes them in portions, not one by one."""
        ahead = self._ahead()
        room = self.number + ahead - self.held
        return 0 if self.held > self.number and room < ahead // 2 else max(0, room)

    async def take(self, holder: object) -> None:
        """The holder has a worker slot, after those that came before. Raises EngineFailure if none is free in time."""
        if not self._turns and len(self._busy) < self.number:
            self._busy[holder] = self.clock()
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + (GIVE_BACK_SECONDS if self.leases_ahead else LATE_SECONDS)
        turn = _Turn(holder, loop.create_future(), until)
        self._turns.append(turn)
        self._give()
        if self._timer is None and self._turns:
            self._timer = loop.call_at(until, self._give_back)
        if not await turn.got:
            raise EngineFailure(_NOT_STARTED, FailureKind.NOT_STARTED)

    def leave(self, holder: object) -> None:
        """The engine of the holder has ended. Its slot is free, if it had one."""
        since = self._busy.pop(holder, None)
        if since is not None:
            self._run_took(self.clock() - since)
            self._give()

    def _run_took(self, seconds: float) -> None:
        self._mean = seconds if self._longest is None else self._mean + (seconds - self._mean) * _SHARE
        self._longest = max(seconds, (self._longest or 0.0) * _FORGET)

    async def report(self) -> None:
        """The report of an ended engine may be sent.

        While leases wait for a slot, nothing that follows from it could start sooner in this pool. So it waits for
        other reports then, for a moment.
        """
        if self._turns:
            await self._reports.join()

    def _give(self) -> None:
        """The first of those that wait have the free slots. Whoever does not wait any more is passed over."""
        while self._turns and len(self._busy) < self.number:
            turn = self._turns.popleft()
            if not turn.got.done():
                self._busy[turn.holder] = self.clock()
                turn.got.set_result(True)
        if not self._turns:
            self._reports.end()

    def _give_back(self) -> None:
        """Those that have waited for too long get no slot."""
        loop, self._timer = asyncio.get_running_loop(), None
        while self._turns and (self._turns[0].got.done() or self._turns[0].until <= loop.time()):
            turn = self._turns.popleft()
            if not turn.got.done():
                self._run_took(max(GIVE_BACK_SECONDS, 2 * self.number * AHEAD_SECONDS))
                turn.got.set_result(False)
        if self._turns:
            self._timer = loop.call_at(self._turns[0].until, self._give_back)
        else:
            self._reports.end()

    def _ahead(self) -> int:
        if not self.leases_ahead or self._longest is None:
            return 0
        now = self.clock()
        quick = self.number - sum(now - since > AHEAD_SECONDS for since in self._busy.values())
        beyond_mean = max(0.0, self._longest - self._mean)
        return max(0, min(MOST_AHEAD, round((quick * AHEAD_SECONDS - beyond_mean) / max(self._mean, 1e-6))))
