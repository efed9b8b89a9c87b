"""The cache: a copy is whole or absent, readers keep theirs, several processes share it, and the oldest go first."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from enginehouse.artifacts.cache import CacheEntry, FileCache

KIB = 1 << 10


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


def source(data: bytes, seen: list[Path] | None = None) -> Callable[[Path], Awaitable[None]]:
    async def fetch(target: Path) -> None:
        if seen is not None:
            seen.append(target)
        await asyncio.to_thread(target.write_bytes, data)

    return fetch


async def never(target: Path) -> None:
    raise AssertionError("it is in the cache")


def entry(name: str, size: int, tag: str = "1") -> CacheEntry:
    return CacheEntry(f"jobs/{name}", tag, size)


def copies(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_is_fetched_once_and_every_reader_has_it(tmp_path: Path, session: Path) -> None:
    cache, seen = FileCache(tmp_path / "cache", session, 100 * KIB), list[Path]()

    async def opened() -> bytes:
        async with cache.open(entry("a", 3), source(b"abc", seen)) as path:
            return path.read_bytes()

    assert await asyncio.gather(*(opened() for _ in range(10))) == [b"abc"] * 10
    assert len(seen) == 1
    async with FileCache(tmp_path / "cache", session, 100 * KIB).open(entry("a", 3), never) as path:
        assert path.read_bytes() == b"abc"
    assert copies(session) == []


async def test_another_version_is_another_file(tmp_path: Path, session: Path) -> None:
    cache = FileCache(tmp_path / "cache", session, 100 * KIB)
    for tag, data in (("1", b"old"), ("2", b"new")):
        async with cache.open(entry("a", 3, tag), source(data)) as path:
            assert path.read_bytes() == data


async def test_a_fetch_that_fails_leaves_nothing_and_the_next_reader_tries_again(tmp_path: Path, session: Path) -> None:
    cache = FileCache(tmp_path / "cache", session, 100 * KIB)

    async def broken(target: Path) -> None:
        await asyncio.to_thread(target.write_bytes, b"ab")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        async with cache.open(entry("a", 3), broken):
            pass
    assert copies(tmp_path / "cache") == copies(session) == []
    async with cache.open(entry("a", 3), source(b"abc")) as path:
        assert path.read_bytes() == b"abc"


async def test_a_copy_of_another_size_is_not_served(tmp_path: Path, session: Path) -> None:
    cache = FileCache(tmp_path / "cache", session, 100 * KIB)
    async with cache.open(entry("a", 3), source(b"abc")):
        pass
    [copy] = copies(tmp_path / "cache")
    copy.chmod(0o600)
    os.truncate(copy, 1)
    async with cache.open(entry("a", 3), source(b"abc")) as path:
        assert path.read_bytes() == b"abc"


async def test_those_that_were_not_used_for_longest_go_first_and_readers_keep_theirs(
    tmp_path: Path, session: Path
) -> None:
    cache = FileCache(tmp_path / "cache", session, 10 * KIB)
    for number in range(10):
        async with cache.open(entry(str(number), KIB), source(bytes([number]) * KIB)):
            pass
        [new] = [path for path in copies(tmp_path / "cache") if path.read_bytes()[0] == number]
        os.utime(new, (number, number))
    async with cache.open(entry("0", KIB), never) as oldest:  # now it is the newest
        async with cache.open(entry("1", KIB), never) as reading:
            os.utime(reading, (1, 1))
            async with cache.open(entry("more", KIB), source(b"x" * KIB)):
                pass
            assert sorted(path.read_bytes()[0] for path in copies(tmp_path / "cache")) == [0, 3, 4, 5, 6, 7, 8, 9, 120]
            assert reading.read_bytes() == bytes([1]) * KIB
        assert oldest.read_bytes() == bytes(KIB)


@pytest.mark.parametrize("limit", [0, KIB])
async def test_what_has_no_room_is_read_and_not_kept(tmp_path: Path, session: Path, limit: int) -> None:
    cache = FileCache(tmp_path / "cache", session, limit)
    async with cache.open(entry("a", 2 * KIB), source(bytes(2 * KIB))) as path:
        assert path.stat().st_size == 2 * KIB
    assert copies(tmp_path / "cache") == copies(session) == []


async def test_what_is_forgotten_is_gone_in_every_version(tmp_path: Path, session: Path) -> None:
    cache = FileCache(tmp_path / "cache", session, 100 * KIB)
    for name, tag in (("a", "1"), ("a", "2"), ("b", "1")):
        async with cache.open(entry(name, 3, tag), source(b"abc")):
            pass
    cache.forget(["jobs/a", "jobs/unknown"])
    assert len(copies(tmp_path / "cache")) == 1
    async with cache.open(entry("b", 3), never):
        pass


def test_several_processes_share_it_and_none_sees_a_part(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, sys
from pathlib import Path
from enginehouse.artifacts.cache import CacheEntry, FileCache
async def run():
    session = Path(sys.argv[1]); session.mkdir()
    cache = FileCache(Path({str(tmp_path / "cache")!r}), session, 20 * 1024)
    for turn in range(200):
        name = str(turn * 7 % 40)
        async def fetch(target):
            with target.open("wb") as file:
                for _ in range(4):
                    file.write(name.encode().ljust(256)); file.flush()
        async with cache.open(CacheEntry(name, "1", 1024), fetch) as path:
            assert path.read_bytes() == name.encode().ljust(256) * 4, path.read_bytes()[:20]
asyncio.run(run())
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path / f"s{n}")]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert sum(path.stat().st_size for path in copies(tmp_path / "cache")) <= 24 * KIB
