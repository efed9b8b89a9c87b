"""How long a worker waits after a request that failed: longer each time, never all workers at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST: Final = 0.1  # seconds
LONGEST: Final = 5.0
LONGEST_WISH: Final = 60.0  # of a server's Retry-After


@dataclass(slots=True)
class Backoff:
    """The pauses between the tries of one request, or of one loop. `spread` returns a number from 0 up to 1."""

    spread: Callable[[], float] = field(default=random.random)
    _last: float = 0.0

    def next(self, retry_after: float | None = None) -> float:
        """Returns the next pause in seconds: twice the last one, with half of it by chance.

        `retry_after` is what the server asks for: the pause is at least that long, and then spread over as long again
        as the own pause, because many workers were told the same.
        """
        self._last = min(2 * self._last, LONGEST) or FIRST
        own = self._last * (0.5 + self.spread() / 2)
        return own if retry_after is None else min(max(retry_after, 0.0), LONGEST_WISH) + own

    def reset(self) -> None:
        """A request has succeeded."""
        self._last = 0.0
