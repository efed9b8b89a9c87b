"""The one shape of everything that goes round: a tick does a bounded batch and says how long to sleep."""

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
    """Calls `tick` again and again; a wake-up cuts the sleep short. Trouble in a tick is logged and ends nothing.

    While storage is out of reach the pauses grow, and the outage that the loops share is what is logged.
    """

    def __init__(self, name: str, tick: Callable[[], Awaitable[float]]) -> None:
        self.name = name
        self._tick = tick
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, outage: Outage | None = None) -> None:
        self._task = asyncio.create_task(self._run(outage or Outage()), name=f"loop:{self.name}")

    def wake(self) -> None:
        """The next tick comes at once."""
        self._woken.set()

    async def stop(self) -> None:
        """No further tick begins; the one under way is cancelled, and is over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, outage: Outage) -> None:
        pause = 0.0
        while True:
            # Cleared before the tick: a wake-up that comes during it must not be lost.
            self._woken.clear()
            try:
                delay = await self._tick()
            except Unavailable as trouble:
                outage.begin(self.name, trouble.message)
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
