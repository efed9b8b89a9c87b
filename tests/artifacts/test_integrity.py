"""Nobody gets bytes that differ from those that were stored."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enginehouse.artifacts.disk import DiskStore
from enginehouse.artifacts.integrity import Expected, Integrity
from enginehouse.domain.errors import IntegrityError, NotFound

DATA = os.urandom(1_000_000)
EXPECTED = Expected("a/b", len(DATA), hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DiskStore]:
    store = DiskStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
async def file(store: DiskStore) -> Path:
    await store.put(EXPECTED.key, DATA)
    return store.kept / EXPECTED.key


def write(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def change(file: Path) -> None:
    """Changes one byte, and keeps the size and the time."""
    stat = file.stat()
    file.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


async def received(integrity: Integrity, start: int = 0, stop: int | None = None) -> bytes:
    """Returns what a client gets."""
    content = await integrity.content(EXPECTED)
    if start or stop is not None:
        await content.verify()
    return b"".join([block async for block in content.stream(start, stop)])


SMALL: dict[str, Any] = {}
LARGE: dict[str, Any] = {"verified_first": 1000}


@pytest.mark.parametrize("how", [SMALL, LARGE])
async def test_bytes_that_are_right_are_sent_and_read(store: DiskStore, file: Path, how: dict[str, Any]) -> None:
    integrity = Integrity(store, **how)
    for _ in range(2):
        assert await received(integrity) == DATA
        assert await received(integrity, 10, 20) == DATA[10:20]
        assert await integrity.read(EXPECTED) == DATA
        await integrity.verify(EXPECTED)


@pytest.mark.parametrize("how", [SMALL, LARGE])
@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x", DATA[:-1] + b"\0"])
async def test_other_bytes_are_never_sent(store: DiskStore, file: Path, how: dict[str, Any], data: bytes) -> None:
    write(file, data if data != DATA else b"")
    integrity = Integrity(store, **how)
    for ask in (received(integrity), received(integrity, 0, 10), integrity.read(EXPECTED), integrity.verify(EXPECTED)):
        with pytest.raises(IntegrityError):
            await ask


async def test_a_large_file_with_other_bytes_breaks_off_before_its_last_block(store: DiskStore, file: Path) -> None:
    change(file)
    got = bytearray()

    async def receive() -> None:
        async for block in (await Integrity(store, **LARGE).content(EXPECTED)).stream():
            got.extend(block)

    with pytest.raises(IntegrityError):
        await receive()
    assert 0 < len(got) < len(DATA)


async def test_a_change_after_the_first_opening_is_seen_at_once_by_its_time_and_later_by_a_sample(
    store: DiskStore, file: Path
) -> None:
    integrity = Integrity(store, sample=3)
    await integrity.verify(EXPECTED)
    change(file)
    await integrity.verify(EXPECTED)  # size and time are the same
    await integrity.verify(EXPECTED)
    with pytest.raises(IntegrityError):
        await integrity.verify(EXPECTED)
    with pytest.raises(IntegrityError):  # and it is not forgotten
        await integrity.verify(EXPECTED)
    write(file, DATA)
    await integrity.verify(EXPECTED)
    write(file, DATA[::-1])
    with pytest.raises(IntegrityError):
        await integrity.verify(EXPECTED)


async def test_callers_at_the_same_time_wait_for_one_reading(
    store: DiskStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = 0
    of_store = store.open

    def count(key: str) -> Any:
        nonlocal opened
        opened += 1
        return of_store(key)

    monkeypatch.setattr(store, "open", count)
    integrity = Integrity(store)
    first = asyncio.create_task(integrity.verify(EXPECTED))
    others = [asyncio.create_task(integrity.verify(EXPECTED)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()  # the reading goes on for the others
    await asyncio.gather(*others)
    assert opened == 1


async def test_bytes_that_are_not_there_are_not_found(store: DiskStore) -> None:
    integrity = Integrity(store)
    for ask in (integrity.content(EXPECTED), integrity.read(EXPECTED), integrity.verify(EXPECTED)):
        with pytest.raises(NotFound):
            await ask
