"""Local copies of stored bytes, up to a limit. Several processes may share the folder; nobody sees a part of a file."""

import asyncio
import hashlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

_SHARE: Final = 16  # a process looks at the whole cache after it has added this part of the limit …
_FILES: Final = 1_000  # … or so many files
_KEEP: Final = 0.9  # of the limit, after an eviction


class CacheEntry(NamedTuple):
    """One version of the bytes under a key. Bytes that are replaced in the store get another tag."""

    key: str
    tag: str
    size: int


class FileCache:
    """A copy is written elsewhere, synced, and linked into the cache when it is whole.

    Each reader has a link of its own in `session`. So an eviction only takes a name away, and disturbs no reader. The
    copies that were not used for longest go first. `limit` is in bytes; the cache may become a little larger before it
    is looked at again. A file that is larger than the limit, and every file with a limit of 0, is not kept.
    """

    def __init__(self, folder: Path, session: Path, limit: int) -> None:
        self._folder, self._session, self._limit = folder, session, limit
        self._fetches: dict[Path, asyncio.Lock] = {}
        self._added = limit  # an earlier process may have left any number of files
        self._files = 0
        folder.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def open(self, version: CacheEntry, fetch: Callable[[Path], Awaitable[None]]) -> AsyncIterator[Path]:
        """Yields a file with these bytes for this reader. `fetch` writes a copy, if there is none, to a new path."""
        link = self._session / f"reading-{token_hex(8)}"
        try:
            if not await asyncio.to_thread(self._link, version, link):
                await self._fetch(version, link, fetch)
            yield link
        finally:
            await asyncio.to_thread(link.unlink, missing_ok=True)

    def forget(self, keys: Iterable[str]) -> None:
        """No version of these keys is in the cache. Their readers keep what they have."""
        shards: dict[Path, set[str]] = defaultdict(set)
        for key in keys:
            name = _name(key)
            shards[self._folder / name[:2]].add(name)
        for shard, names in shards.items():
            for path in _entries(shard):
                if path.name.partition("-")[0] in names:
                    path.unlink(missing_ok=True)

    async def _fetch(self, version: CacheEntry, link: Path, fetch: Callable[[Path], Awaitable[None]]) -> None:
        """Readers of this process at the same time share one copy."""
        place = self._path(version)
        lock = self._fetches.setdefault(place, asyncio.Lock())
        try:
            async with lock:
                if await asyncio.to_thread(self._link, version, link):
                    return
                await fetch(link)
                await asyncio.to_thread(self._admit, version, link)
        finally:
            if not lock.locked():
                self._fetches.pop(place, None)

    def _path(self, version: CacheEntry) -> Path:
        name = _name(version.key)
        return self._folder / name[:2] / f"{name}-{hashlib.sha256(version.tag.encode()).hexdigest()[:16]}"

    def _link(self, version: CacheEntry, link: Path) -> bool:
        """The reader has a link to the copy. Returns False if there is none."""
        path = self._path(version)
        try:
            link.hardlink_to(path)
        except FileNotFoundError:
            return False
        if link.stat().st_size != version.size:  # somebody has changed it
            link.unlink()
            path.unlink(missing_ok=True)
            return False
        os.utime(link)  # the age of a copy is the time since its last use
        return True

    def _admit(self, version: CacheEntry, whole: Path) -> None:
        """The new copy is in the cache, if it has room there."""
        if version.size > self._limit or not self._limit:
            return
        with whole.open("rb") as file:
            os.fsync(file.fileno())  # after a power failure no name stands for a part
        whole.chmod(0o440)
        path = self._path(version)
        path.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError):  # another process was faster
            path.hardlink_to(whole)
            self._added += version.size
            self._files += 1
        if self._added * _SHARE >= self._limit or self._files >= _FILES:
            self._added = self._files = 0
            self._evict()

    def _evict(self) -> None:
        copies = list[tuple[float, int, Path]]()
        for shard in _entries(self._folder):
            for path in _entries(shard):
                with suppress(FileNotFoundError):
                    seen = path.stat()
                    copies.append((seen.st_mtime, seen.st_size, path))
        total = sum(size for _, size, _ in copies)
        if total <= self._limit:
            return
        for _, size, path in sorted(copies):
            if total <= self._limit * _KEEP:
                return
            path.unlink(missing_ok=True)
            total -= size


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _entries(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []
