"""The one shape of everything that goes round: a tick does a bounded batch and says how long to sleep."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from enginehouse.domain.errors import Unavailable

log = structlog.get_logger(__name__)

_AFTER_TROUBLE = 1.0


class Loop:
    """Calls `tick` again and again; a wake-up cuts the sleep short. Trouble in a tick is logged and ends nothing."""

    def __init__(self, name: str, tick: Callable[[], Awaitable[float]]) -> None:
        self.name = name
        self._tick = tick
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"loop:{self.name}")

    def wake(self) -> None:
        """The next tick comes at once."""
        self._woken.set()

    async def stop(self) -> None:
        """No further tick begins; the one under way is cancelled, and is over."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            # Cleared before the tick: a wake-up that comes during it must not be lost.
            self._woken.clear()
            try:
                delay = await self._tick()
            except Unavailable as trouble:
                log.warning("storage is not reachable", loop=self.name, reason=trouble.message)
                delay = _AFTER_TROUBLE
            except Exception:
                log.exception("a tick failed", loop=self.name)
                delay = _AFTER_TROUBLE
            if delay > 0:
                try:
                    async with asyncio.timeout(delay):
                        await self._woken.wait()
                except TimeoutError:
                    pass
            else:
                await asyncio.sleep(0)
