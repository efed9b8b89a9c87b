"""One deadline with one timer. To move the deadline costs almost nothing: a timer that fires too early waits again."""

import asyncio
import math
from collections.abc import Callable


class Deadline:
    """Calls `expire` if nothing moves it in time."""

    __slots__ = ("_at", "_expire", "_loop", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    def after(self, seconds: float) -> None:
        """The deadline is in so many seconds."""
        self._set(self._loop.time() + seconds)

    def extend(self, seconds: float, *, at_most: float) -> None:
        """The deadline is so many seconds later, but not later than `at_most` seconds from now."""
        self._set(min(self._at + seconds, self._loop.time() + at_most))

    @property
    def is_set(self) -> bool:
        """There is a deadline."""
        return self._at < math.inf

    def never(self) -> None:
        """There is no deadline."""
        self._at = math.inf

    def end(self) -> None:
        """There is no deadline, and no timer that knows the object that had it."""
        self.never()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, at: float) -> None:
        self._at = at
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._arm()

    def _arm(self) -> None:
        self._timer_at = self._at
        self._timer = self._loop.call_at(self._at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() >= self._at:
            self._expire()
        elif self._at < math.inf:
            self._arm()
