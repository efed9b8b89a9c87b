"""The loop that all periodic work uses. A tick does a bounded batch and returns how long to sleep."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from enginehouse.domain.errors import Unavailable
from enginehouse.runtime.outage import Outage

log = structlog.get_logger(__name__)

_AFTER_TROUBLE = 1.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0


class Loop:
    """Calls `tick` again and again. A wake-up ends the sleep. An error in a tick is logged, and the loop goes on.

    While the storage is not reachable, the pauses grow, and only the outage that the loops share is logged.
    """

    def __init__(self, name: str, tick: Callable[[], Awaitable[float]]) -> None:
        self.name = name
        self._tick = tick
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, outage: Outage | None = None) -> None:
        self._task = asyncio.create_task(self._run(outage or Outage()), name=f"loop:{self.name}")

    def wake(self) -> None:
        """The next tick begins at once."""
        self._woken.set()

    async def stop(self) -> None:
        """No further tick begins. A running one was cancelled and has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, outage: Outage) -> None:
        pause = 0.0
        while True:
            # It is cleared before the tick, so that a wake-up during the tick is not lost.
            self._woken.clear()
            try:
                delay = await self._tick()
            except Unavailable as trouble:
                outage.begin(self.name, trouble.reason or trouble.message)
                delay = pause = min(2 * pause, _LONGEST_PAUSE) or _FIRST_PAUSE
            except Exception:
                log.exception("a tick failed", loop=self.name)
                delay = _AFTER_TROUBLE
            else:
                pause = 0.0
                outage.end(self.name)
            if delay > 0:
                try:
                    async with asyncio.timeout(delay):
                        await self._woken.wait()
                except TimeoutError:
                    pass
            else:
                await asyncio.sleep(0)
