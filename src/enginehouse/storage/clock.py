"""Knows what time it is for a storage whose time must never go back."""

import time
from collections.abc import Callable
from threading import Lock


def wall_clock() -> int:
    """Microseconds UTC of this machine; goes back when the machine's clock is set back."""
    return time.time_ns() // 1000


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
