"""The logs of attempts, for a store whose objects cannot grow: they are sent from this machine, again and again."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from enginehouse.artifacts.log_files import LogFiles

_BATCH: Final = 100  # complete logs that are sent in one turn
_AT_ONCE: Final = 16  # growing logs
_PAUSE: Final = 2.0  # seconds after which a log that has grown is sent again …
_PER_SECOND: Final = 65_536  # … and a second more for each of these bytes, because it is sent whole

Put = Callable[[str, bytes], Awaitable[object]]
Delete = Callable[[list[str]], Awaitable[None]]


class S3Logs:
    """Sends logs to the bucket: a complete one once, one that grows as it is now.

    There is one sender at a time, so that no earlier state of a log replaces the whole one.
    """

    def __init__(self, files: LogFiles, put: Put, delete: Delete) -> None:
        self._files = files
        self._put = put
        self._delete = delete
        self._sending = asyncio.Lock()
        self._sent: dict[str, tuple[int, float]] = {}  # of growing logs: the size that was sent, and when

    async def flush(self) -> bool:
        """Complete logs are in the store, a bounded batch of them. Returns True if more of them wait."""
        async with self._sending:
            waiting = await asyncio.to_thread(self._files.waiting, _BATCH)
            for key, path in waiting:
                with suppress(FileNotFoundError):  # it was deleted with its job
                    await self._put(key, await asyncio.to_thread(path.read_bytes))
                    if not await asyncio.to_thread(self._files.stored, key):
                        await self._delete([key])  # it was deleted while it was sent
            return len(waiting) == _BATCH

    async def show(self) -> None:
        """Every store of this place reads growing logs, at most some seconds old."""
        async with self._sending:
            now = time.monotonic()
            growing = dict(await asyncio.to_thread(self._files.growing))
            self._sent = {key: sent for key, sent in self._sent.items() if key in growing}
            due = [key for key, size in growing.items() if self._is_due(key, size, now)]
            for start in range(0, len(due), _AT_ONCE):
                await asyncio.gather(*(self._send(key, now) for key in due[start : start + _AT_ONCE]))

    def _is_due(self, key: str, size: int, now: float) -> bool:
        sent, at = self._sent.get(key, (0, -math.inf))
        return size != sent and now - at >= _PAUSE + size / _PER_SECOND

    async def _send(self, key: str, now: float) -> None:
        content = await asyncio.to_thread(self._read, key)
        if content is None:
            return
        await self._put(key, content)
        self._sent[key] = len(content), now
        if await asyncio.to_thread(self._files.stat, key) is None:
            await self._delete([key])  # it was deleted while it was sent

    def _read(self, key: str) -> bytes | None:
        if (log := self._files.open(key, 0)) is None:
            return None
        with log:
            return log.read()
