"""The clock of storage, which never goes back."""

import time
from collections.abc import Callable
from threading import Lock

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def wall_clock() -> int:
    """Microseconds UTC of this machine. Goes back if the machine's clock is set back."""
    return time.time_ns() // 1000


def elapsed() -> int:
    """Microseconds since a fixed moment. Continues while the machine sleeps, and cannot be set."""
    return time.clock_gettime_ns(_SINCE_BOOT) // 1000


class Steady:
    """The machine's clock without its steps: it is read once, then counted from there, and corrected slowly.

    A step of more than an hour counts as a mistake, and is ignored until the next start.
    """

    LARGEST_ERROR = 3_600_000_000
    SLOWLY = 20  # a correction is at most the elapsed time divided by this

    def __init__(self, wall: Callable[[], int] = wall_clock, passed: Callable[[], int] = elapsed) -> None:
        self._wall = wall
        self._passed = passed
        self._counted = passed()
        self._now = wall()

    def __call__(self) -> int:
        counted = self._passed()
        step = counted - self._counted
        self._counted = counted
        self._now += step
        error = self._wall() - self._now
        if abs(error) <= self.LARGEST_ERROR:
            most = step // self.SLOWLY
            self._now += max(-most, min(most, error))
        return self._now


class Clock:
    """Microseconds that never go back, even if `source` does. Safe for use from several threads."""

    def __init__(self, source: Callable[[], int] = wall_clock, last: int = 0) -> None:
        self._source = source
        self._last = last
        self._lock = Lock()

    def tick(self) -> int:
        """Returns a time greater than every time returned before."""
        with self._lock:
            self._last = max(self._last + 1, self._source())
            return self._last

    def look(self) -> int:
        """Returns a time that is not smaller than any returned before."""
        with self._lock:
            self._last = max(self._last, self._source())
            return self._last
