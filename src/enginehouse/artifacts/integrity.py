"""Verifies that stored bytes are the bytes that were stored: their size, and their SHA-256."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from enginehouse.artifacts.store import ArtifactStore, Content, Stat
from enginehouse.domain.errors import IntegrityError, NotFound
from enginehouse.domain.store_errors import BytesMissing

VERIFIED_FIRST: Final = 64 << 20  # bytes up to which all of a file is verified before its first byte is sent
SAMPLE: Final = 100  # one of so many openings of verified files verifies again
_REMEMBERED: Final = 10_000  # files
_SHA256: Final = ("sha256", "their SHA-256 is another one")
_AT_ONCE: Final = 2  # files that are verified at one time, so that other files still have threads

_log = structlog.get_logger(__name__)


class Expected(NamedTuple):
    """What a row of the database says of stored bytes."""

    key: str
    size: int
    sha256: str


class Integrity:
    """Verifies each file when it is first opened after the start, after every change, and now and then later."""

    def __init__(self, store: ArtifactStore, *, sample: int = SAMPLE, verified_first: int = VERIFIED_FIRST) -> None:
        self._store = store
        self._sample = sample
        self._verified_first = verified_first
        self._verified: OrderedDict[str, Stat] = OrderedDict()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._openings = 0
        self._logged: set[str] = set()

    async def verify(self, expected: Expected) -> Stat:
        """The bytes are those that were stored. Raises NotFound if there are none, IntegrityError if they differ."""
        stat = await self._stat(expected)
        if not self._is_known(expected.key, stat):
            await self._verify_once(expected, stat)
        return stat

    async def content(self, expected: Expected) -> Content:
        """Returns the bytes for a client. Raises the errors of `verify`.

        A large file is verified while it is sent, or before a part of it is sent.
        """
        if expected.size <= self._verified_first:
            return Content(self._store, expected.key, *await self.verify(expected))
        stat = await self._stat(expected)
        if self._is_known(expected.key, stat):
            return Content(self._store, expected.key, *stat)
        return UnverifiedContent(self._store, expected.key, *stat, integrity=self, expected=expected)

    async def address(self, expected: Expected, seconds: int) -> str | None:
        """Returns a URL of the bytes at their store, None if it has none. Only their size was compared.

        Raises NotFound, and IntegrityError for another size.
        """
        await self._stat(expected)
        return await self._store.address(expected.key, seconds)

    async def read(self, expected: Expected) -> bytes:
        """Returns the bytes. Raises the errors of `verify`."""
        raw = await self._store.read(expected.key)
        digest = await asyncio.to_thread(_digest_of, raw) if len(raw) > 1 << 20 else _digest_of(raw)
        if digest != expected.sha256:
            raise self._differs(expected, *_SHA256)
        return raw

    async def stream(self, expected: Expected) -> AsyncIterator[bytes]:
        """Yields the bytes. Raises IntegrityError instead of the last block if they differ."""
        stat, digest, last = await self._stat(expected), hashlib.sha256(), b""
        async for block in self._store.stream(expected.key, 0, expected.size):
            digest.update(block)
            if last:
                yield last
            last = block
        if digest.hexdigest() != expected.sha256:
            raise self._differs(expected, *_SHA256)
        self._remember(expected.key, stat)
        if last:
            yield last

    async def _stat(self, expected: Expected) -> Stat:
        stat = await self._store.stat(expected.key)
        if stat.size != expected.size:
            raise self._differs(expected, "size", f"{stat.size} bytes are there, {expected.size} were stored")
        return stat

    def missing(self, key: str) -> BytesMissing:
        """Returns the error for bytes that a row names and that are not there."""
        self._log_once(key, "missing")
        return BytesMissing("The stored bytes are missing.")

    def _differs(self, expected: Expected, reason: str, why: str) -> IntegrityError:
        self._verified.pop(expected.key, None)
        return self._error(expected.key, reason, f"The stored bytes are not those that were stored: {why}.")

    def _error(self, key: str, reason: str, message: str) -> IntegrityError:
        self._log_once(key, reason)
        return IntegrityError(message)

    def _log_once(self, key: str, reason: str) -> None:
        # Whoever asks for the same file again and again fills no log. The last part of a key is an engine's word.
        if key not in self._logged and len(self._logged) < _REMEMBERED:
            self._logged.add(key)
            _log.error("stored bytes are missing or have changed", item=key.rpartition("/")[0], reason=reason)

    def _is_known(self, key: str, stat: Stat) -> bool:
        """Returns True if this file was verified and has not changed since, unless it is verified again as a sample."""
        if self._verified.get(key) != stat:
            return False
        self._verified.move_to_end(key)
        self._openings += 1
        return self._openings % self._sample != 0

    async def _verify_once(self, expected: Expected, stat: Stat) -> None:
        """Callers at the same time wait for one verification. It goes on if one of them leaves."""
        running = self._running.get(expected.key)
        if running is None:
            running = self._running[expected.key] = asyncio.create_task(self._verify(expected, stat))
            running.add_done_callback(partial(self._ended, expected.key))
        await asyncio.shield(running)

    def _ended(self, key: str, running: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not running.cancelled():
            running.exception()  # perhaps nobody waits for it any more

    async def _verify(self, expected: Expected, stat: Stat) -> None:
        async with self._at_once, self._store.open(expected.key) as path:
            try:
                digest = await asyncio.to_thread(digest_of_file, path)
            except FileNotFoundError:
                raise NotFound("artifact", expected.key) from None
            except OSError:
                raise self._error(expected.key, "unreadable", "The stored bytes cannot be read.") from None
        if digest != expected.sha256:
            raise self._differs(expected, *_SHA256)
        self._remember(expected.key, stat)

    def _remember(self, key: str, stat: Stat) -> None:
        self._verified[key] = stat
        self._verified.move_to_end(key)
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedContent(Content):
    """A large file that was not verified yet."""

    integrity: Integrity
    expected: Expected

    async def verify(self) -> None:
        await self.integrity.verify(self.expected)

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if start == 0 and stop in (None, self.size):
            return self.integrity.stream(self.expected)
        return self.store.stream(self.key, start, self.size if stop is None else stop)


def digest_of_file(path: Path) -> str:
    """Returns the SHA-256 of the file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
