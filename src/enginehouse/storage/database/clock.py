"""The clock of a storage, which never goes back."""

import time
from collections.abc import Callable
from threading import Lock

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def wall_clock() -> int:
    """Microseconds UTC of this machine; goes back when the machine's clock is set back."""
    return time.time_ns() // 1000


def elapsed() -> int:
    """Microseconds since some moment; runs on while the machine sleeps, and nobody can set it."""
    return time.clock_gettime_ns(_SINCE_BOOT) // 1000


class Steady:
    """The machine's clock without its steps: it is read once, then counted on, and small errors are made good slowly.

    A step of more than an hour is taken for a mistake and not followed before the next start.
    """

    LARGEST_ERROR = 3_600_000_000
    SLOWLY = 20  # at most one part in so many of the time that has passed

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
    """Microseconds that never go back, whatever `source` does. Safe to use from several threads."""

    def __init__(self, source: Callable[[], int] = wall_clock, last: int = 0) -> None:
        self._source = source
        self._last = last
        self._lock = Lock()

    def tick(self) -> int:
        """A moment greater than every one answered before."""
        with self._lock:
            self._last = max(self._last + 1, self._source())
            return self._last

    def look(self) -> int:
        """A moment not smaller than any answered before."""
        with self._lock:
            self._last = max(self._last, self._source())
            return self._last
