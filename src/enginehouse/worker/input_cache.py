"""Inputs of attempts as local files, verified by their SHA-256. Attempts that read the same bytes share one file."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from enginehouse.artifacts.temporary_file import TemporaryFile
from enginehouse.domain.errors import IntegrityError

Read = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]
"""Opens the bytes at the server."""


class Patiently(Protocol):
    """Calls a function again while the server does not answer."""

    async def __call__(self, send: "Callable[[], Awaitable[FileState]]") -> "FileState": ...


KEPT: Final = 1 << 30  # bytes that are kept for other attempts


class CacheKey(NamedTuple):
    """Whose bytes: organizations do not share files, so that none learns what another has."""

    organization_id: int
    sha256: str


class FileState(NamedTuple):
    """What would change if somebody wrote to the file."""

    size: int
    modified: int
    inode: int


@dataclass(slots=True)
class CachedFile:
    """A file, how many attempts read it now, and its state when it was verified."""

    path: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    readers: int = 0
    state: FileState | None = None


class InputCache:
    """Files in `folder`. Those that nobody reads are kept up to `most` bytes, the last used ones longest."""

    def __init__(self, folder: Path, *, most: int = KEPT) -> None:
        self._folder = folder
        self._most = most
        self._files: OrderedDict[CacheKey, CachedFile] = OrderedDict()
        self._count = 0

    @asynccontextmanager
    async def open(self, key: CacheKey, read: Read, patiently: Patiently) -> AsyncIterator[Path]:
        """Yields a local file with the bytes. Read it only inside the context. Raises as `read`, and IntegrityError."""
        cached = self._files.get(key)
        if cached is None:
            self._count += 1
            cached = self._files[key] = CachedFile(self._folder / f"{self._count:08d}")
        cached.readers += 1
        self._files.move_to_end(key)
        try:
            async with cached.lock:
                if cached.state is None or cached.state != _state(cached.path):
                    cached.state = None
                    cached.state = await patiently(lambda: _fetch(self._folder, cached.path, key.sha256, read))
            yield cached.path
        finally:
            cached.readers -= 1
            await self._shrink()

    async def _shrink(self) -> None:
        total = sum(file.state.size for file in self._files.values() if file.state is not None)
        for key, file in list(self._files.items()):
            if file.readers or (file.state is not None and total <= self._most):
                continue
            total -= 0 if file.state is None else file.state.size
            del self._files[key]
            await asyncio.to_thread(file.path.unlink, missing_ok=True)


async def _fetch(folder: Path, target: Path, sha256: str, read: Read) -> FileState:
    incoming = await asyncio.to_thread(TemporaryFile, folder, None)
    try:
        async with read() as blocks:
            async for block in blocks:
                await asyncio.to_thread(incoming.write, block)
        stored = incoming.stored("")
        if stored.sha256 != sha256:
            raise IntegrityError("The bytes that came from the server are not those that were stored.")
        await asyncio.to_thread(os.replace, incoming.path, target)
        return _state(target)
    finally:
        incoming.discard()


def _state(path: Path) -> FileState:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return FileState(-1, 0, 0)
    return FileState(seen.st_size, seen.st_mtime_ns, seen.st_ino)
