"""Knows whether it is worth trying to connect: while a database is away, only now and then somebody tries."""

import time
from collections.abc import Callable
from typing import Final

from enginehouse.domain.errors import Unavailable

FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 1.0  # so a database that is back is noticed by then


class CircuitBreaker:
    """Closed while connections can be made. Open, it refuses everybody but one caller after each pause.

    The pauses grow. Nothing runs on its own here: who is let through is the trial.
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
        """The caller may try to connect, and says how it went. Raises Unavailable while it is not yet time."""
        if not self.open:
            return
        now = self._clock()
        if now < self._next_at:
            raise Unavailable(self._reason)
        # Whoever comes while this trial is under way waits for the next one.
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._next_at = now + self._pause

    def succeeded(self) -> None:
        """Everybody may connect."""
        self._pause = 0.0

    def failed(self, reason: str) -> None:
        """Nobody may for a while; who asks is told the reason."""
        self._reason = reason
        if not self.open:
            self._pause = FIRST_PAUSE
            self._next_at = self._clock() + FIRST_PAUSE
