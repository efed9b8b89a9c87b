"""Knows whether the database answers. While it does not, callers are refused at once, and one probe tries again."""

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable
from typing import Final

from enginehouse.storage.database.database import unavailable

PROBE_SECONDS: Final = 1.0  # a database that does not answer a probe within this time is silent
FIRST_PAUSE: Final = 0.1  # seconds
LONGEST_PAUSE: Final = 0.5  # with the time of one probe, the longest time before a database that is back is noticed


class CircuitBreaker:
    """Closed while the database answers. Whoever has a reason to doubt calls `suspect`, which starts a probe.

    If the probe fails, the breaker opens, and probes go on after growing pauses until one succeeds. `probe` raises if
    the database does not answer. `silenced` runs when the database is found silent: connected, but without an answer.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]], silenced: Callable[[], Awaitable[None]]) -> None:
        self._probe = probe
        self._silenced = silenced
        self._probing: asyncio.Task[None] | None = None
        self._closed = False
        self._reason = ""
        self.open = False
        self.silent = False

    def suspect(self) -> None:
        """A probe runs soon. Several suspicions during a probe count as one."""
        if self._probing is None and not self._closed:
            self._probing = asyncio.create_task(self._run(), name="database-probe")

    def check(self) -> None:
        """Raises Unavailable while the breaker is open."""
        if self.open:
            raise unavailable(self._reason)

    async def close(self) -> None:
        """No probe runs, and none begins."""
        self._closed = True
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while not await self._answers():
                await sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            self.open = self.silent = False
            await sleep(FIRST_PAUSE)  # callers that fail for another reason must not cause a flood of probes
        finally:
            self._probing = None

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._probe()
        except Exception as error:
            self.open, self._reason = True, str(error) or type(error).__name__
            if isinstance(error, TimeoutError) and not self.silent:
                self.silent = True
                await self._silenced()
            return False
        return True
