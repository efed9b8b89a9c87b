"""Who in this process waits for a wake-up."""

import asyncio


class Channels:
    """Named wake-ups inside one event loop. One that came while nobody waited is answered to the next who does."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - the seam's own signature
        """True when `channel` was notified within `timeout` seconds; everybody waiting at that moment wakes up."""
        event = self._events.setdefault(channel, asyncio.Event())
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return False
        event.clear()
        return True

    def notify(self, channel: str) -> None:
        """Everybody who waits for `channel` wakes up."""
        self._events.setdefault(channel, asyncio.Event()).set()

    def notify_all(self) -> None:
        """Everybody wakes up: notifications may have been missed, or the database closes."""
        for event in self._events.values():
            event.set()
