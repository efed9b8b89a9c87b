"""The log of one attempt. It grows at its source while the attempt runs, up to a limit."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from enginehouse.domain.log_text import cut_end

logger = structlog.get_logger(__name__)

LOG_BYTES: Final = 1_048_576


class AttemptLog:
    """Sends the written bytes in order, one piece at a time: `send(offset, data)` returns the next offset.

    `end` tells the source that nothing follows.

    If a send fails, the rest of the log is lost, but the attempt goes on.
    """

    def __init__(
        self,
        send: Callable[[int, bytes], Awaitable[int]],
        end: Callable[[], Awaitable[None]] | None = None,
        limit: int = LOG_BYTES,
    ) -> None:
        self._send = send
        self._end = end
        self._begun = False
        self._pending = bytearray()
        self._offset = 0
        self._sending: asyncio.Task[None] | None = None
        self.room = limit

    def line(self, text: str) -> None:
        """The line and the time before it will be in the log, as far as there is room."""
        self.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {text}\n".encode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """The bytes will be in the log, as far as there is room. What has no room ends the log, after its last line."""
        has_room = len(data) <= self.room
        data = cut_end(data, self.room)
        self.room = self.room - len(data) if has_room else 0
        self._pending += data
        if self._pending and self._sending is None:
            self._begun = True
            self._sending = asyncio.create_task(self._send_all())

    @property
    def is_complete(self) -> bool:
        """True when everything written has arrived, and the source knows that nothing follows."""
        return not self._begun

    async def close(self) -> None:
        """Everything written has arrived, and the source knows that nothing follows."""
        if self._sending is not None:
            await self._sending
        if self._begun:
            self._begun = False
            try:
                if self._end is not None:
                    await self._end()
            except Exception as error:
                logger.warning("the log of an attempt is not complete at its source", exc_info=error)

    async def _send_all(self) -> None:
        try:
            while self._pending:
                data = bytes(self._pending)
                self._pending.clear()
                self._offset = await self._send(self._offset, data)
        except Exception as error:
            logger.warning("the log of an attempt is incomplete", exc_info=error)
            self.room = 0
            self._pending.clear()
        finally:
            self._sending = None
