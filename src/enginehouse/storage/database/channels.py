"""Wake-ups for the tasks of this process."""

import asyncio


class Channels:
    """Named wake-ups inside one event loop. If nobody waits at a notification, the next waiter gets it."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - the seam's own signature
        """True if `channel` was notified within `timeout` seconds. A notification wakes everyone who waits."""
        event = self._events.setdefault(channel, asyncio.Event())
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return False
        event.clear()
        return True

    def notify(self, channel: str) -> None:
        """Wakes everyone who waits for `channel`."""
        self._events.setdefault(channel, asyncio.Event()).set()

    def notify_all(self) -> None:
        """Wakes everyone: notifications may be lost, or the database closes."""
        for event in self._events.values():
            event.set()
