"""An input is verified, shared by attempts of one organization, and fetched again if somebody has changed it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from enginehouse.domain.errors import IntegrityError
from enginehouse.worker.input_cache import CacheKey, FileState, InputCache


@dataclass
class Bytes:
    """Bytes at a server, and how often they were read."""

    data: bytes
    reads: int = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncIterator[bytes]]:
        self.reads += 1

        async def blocks() -> AsyncIterator[bytes]:
            for at in range(0, len(self.data), 3):
                yield self.data[at : at + 3]
                await asyncio.sleep(0)

        yield blocks()


def files(folder: Path) -> list[int]:
    """Returns the first byte of each file."""
    return sorted(path.read_bytes()[0] for path in folder.iterdir())


async def once(send: Callable[[], Awaitable[FileState]]) -> FileState:
    return await send()


async def test_attempts_of_one_organization_share_a_file(tmp_path: Path) -> None:
    cache, there = InputCache(tmp_path), Bytes(b"a chunk of words")

    async def use(organization_id: int) -> Path:
        async with cache.open(CacheKey(organization_id, there.sha256), there.read, once) as path:
            assert path.read_bytes() == there.data
            return path

    first, second = await asyncio.gather(use(1), use(1))
    assert (first, there.reads) == (second, 1)
    assert await use(1) == first
    assert await use(2) != first
    assert there.reads == 2


async def test_what_differs_is_refused_and_kept_nowhere(tmp_path: Path) -> None:
    cache, there = InputCache(tmp_path), Bytes(b"other bytes")
    with pytest.raises(IntegrityError):
        async with cache.open(CacheKey(1, "0" * 64), there.read, once):
            pytest.fail("it was opened")
    assert files(tmp_path) == []


async def test_a_file_that_was_changed_is_fetched_again(tmp_path: Path) -> None:
    cache, there = InputCache(tmp_path), Bytes(b"words")
    key = CacheKey(1, there.sha256)
    async with cache.open(key, there.read, once) as path:
        pass
    path.write_bytes(b"wordz")
    async with cache.open(key, there.read, once) as path:
        assert path.read_bytes() == b"words"
    assert there.reads == 2


async def test_what_nobody_reads_is_kept_up_to_a_limit(tmp_path: Path) -> None:
    cache = InputCache(tmp_path, most=10)
    for number in range(5):
        there = Bytes(bytes([number]) * 4)
        async with cache.open(CacheKey(1, there.sha256), there.read, once):
            pass
    assert files(tmp_path) == [3, 4]
