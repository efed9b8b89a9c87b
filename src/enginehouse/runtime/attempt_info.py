"""What an engine says of its work while it works: the last word counts, and is sent about once a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from enginehouse.domain.errors import InvalidInput

log = structlog.get_logger(__name__)

PAUSE: Final = 1.0  # seconds between two words


class AttemptInfo:
    """Sends what an engine says, one word at a time. What it says meanwhile takes the place of what it said before.

    `note` gets a line about what cannot be shown.
    """

    def __init__(self, send: Callable[[Any], Awaitable[None]], note: Callable[[str], None]) -> None:
        self._send = send
        self._note = note
        self._said: Any = None
        self._sent: Any = None
        self._sending: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def say(self, info: Any) -> None:
        """Clients will see it, unless the engine says something else soon."""
        self._said = info
        if self._sending is None and not self._closing.is_set():
            self._sending = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Clients see the last word."""
        self._closing.set()
        if self._sending is not None:
            await self._sending

    async def _send_all(self) -> None:
        while self._said is not None and self._said != self._sent:
            self._sent = self._said
            try:
                await self._send(self._sent)
            except InvalidInput as fault:
                self._note(f"what the engine says of its work is not shown: {fault.message}")
            except Exception as error:
                log.warning("what an engine says of its work could not be stored", exc_info=error)
            if not self._closing.is_set():
                try:
                    async with asyncio.timeout(PAUSE):
                        await self._closing.wait()
                except TimeoutError:
                    pass
        self._sending = None
