"""Limits attempts to connect: while a database is unreachable, only one caller tries after each pause."""

import time
from collections.abc import Callable
from typing import Final

from enginehouse.domain.errors import Unavailable

FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 1.0  # the longest time before a database that is back is noticed


class CircuitBreaker:
    """Closed while connections succeed. While open, it refuses all callers except one after each pause.

    The pauses grow. There is no background task: the caller that may pass makes the trial.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = 0.0
        self._next_at = 0.0
        self._reason = ""

    @property
    def open(self) -> bool:
        return self._pause > 0

    def check(self) -> None:
        """The caller may try to connect, and must report the result. Raises Unavailable during a pause."""
        if not self.open:
            return
        now = self._clock()
        if now < self._next_at:
            raise Unavailable(self._reason)
        # A caller that comes during this trial must wait for the next pause to end.
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._next_at = now + self._pause

    def succeeded(self) -> None:
        """Closes the breaker: every caller may connect."""
        self._pause = 0.0

    def failed(self, reason: str) -> None:
        """Opens the breaker for a pause. Until then `check` raises Unavailable with the reason."""
        self._reason = reason
        if not self.open:
            self._pause = FIRST_PAUSE
            self._next_at = self._clock() + FIRST_PAUSE
