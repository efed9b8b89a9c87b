"""The time that a transaction may take. All that run can be ended at once."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

SUSPICIOUS: Final = 1.5  # seconds after which a transaction that still runs is a reason to probe the database
_WATCH: Final = 0.5


class Limit:
    """The time limit of one transaction: a context that raises TimeoutError when the time is over.

    `committing` is true from the moment when the transaction may be committed.
    """

    __slots__ = ("_limits", "_timeout", "began", "committing")

    def __init__(self, limits: "TimeLimits", seconds: float) -> None:
        self._limits = limits
        self._timeout = asyncio.timeout(seconds)
        self.began = 0.0
        self.committing = False

    @property
    def over(self) -> bool:
        """True from the moment when the time limit ends the transaction."""
        return self._timeout.expired()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._limits.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.remove(self)
        await self._timeout.__aexit__(kind, error, trace)

    def end(self) -> None:
        """The transaction ends now."""
        if not self._timeout.expired():
            self._timeout.reschedule(0.0)


class TimeLimits:
    """The transactions that run, oldest first. `suspect` is called again and again while the oldest takes long."""

    def __init__(self, suspect: Callable[[], None]) -> None:
        self._suspect = suspect
        self._running: dict[Limit, None] = {}
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None

    def limit(self, seconds: float) -> Limit:
        """Returns a limit of so many seconds. They count from its `async with`."""
        return Limit(self, seconds)

    def add(self, limit: Limit) -> None:
        limit.began = self._loop.time()
        self._running[limit] = None
        if self._watch is None:
            self._watch = self._loop.call_later(_WATCH, self._look)

    def remove(self, limit: Limit) -> None:
        del self._running[limit]

    def end_all(self) -> None:
        """Every transaction that runs ends now."""
        for limit in list(self._running):
            limit.end()

    def _look(self) -> None:
        self._watch = None
        if not self._running:
            return
        if self._loop.time() - next(iter(self._running)).began > SUSPICIOUS:
            self._suspect()
        self._watch = self._loop.call_later(_WATCH, self._look)
