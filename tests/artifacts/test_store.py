"""The promises of every artifact store, on disk and in an object store: a key is whole or absent, and nothing more."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests import object_store as object_stores
from tests.object_store import ObjectStore

from enginehouse.artifacts.disk import DiskStore
from enginehouse.artifacts.place import open_store
from enginehouse.artifacts.s3 import S3Store
from enginehouse.artifacts.s3_client import CHUNK
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.errors import NotFound, TooLarge

Open = Callable[[], ArtifactStore]


@pytest.fixture(params=["disk", "s3"])
def open_one(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Yields a function that opens the same store again, as another process on another machine would."""
    opened = list[DiskStore | S3Store]()
    place = str(tmp_path / "store")
    if request.param == "s3":
        running: ObjectStore = request.getfixturevalue("object_store")
        object_stores.in_environment(monkeypatch, running.environment())
        place = running.place()

    def open_() -> ArtifactStore:
        opened.append(open_store(place, tmp_path / f"local-{len(opened)}", cache_bytes=1 << 30))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def store(open_one: Open) -> ArtifactStore:
    return open_one()


async def all_keys(store: ArtifactStore) -> dict[str, int]:
    return {one.key: one.size async for page in store.walk() for one in page}


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("session/**/*") if path.is_file() and path.suffix != ".lock"]


async def blocks(*some: bytes) -> AsyncIterator[bytes]:
    for block in some:
        yield block


async def test_a_put_answers_size_and_digests_and_the_bytes_are_there(store: ArtifactStore, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    source = tmp_path / "source"
    source.write_bytes(data)
    for key, given in (("jobs/a/1", data), ("jobs/a/2", source), ("jobs/b/3", blocks(data[:7], data[7:]))):
        stored = await store.put(key, given)
        assert (stored.key, stored.size) == (key, len(data))
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert stored.md5 == hashlib.md5(data).hexdigest()
        assert await store.read(key) == data
        assert await store.read(key, limit=10) == data[:10]
    assert source.read_bytes() == data
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
async def test_bytes_of_any_number_of_parts_come_back(store: ArtifactStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)
    for key, given in (("a/1", data), ("a/2", tmp_path / "source"), ("a/3", blocks(*(data[:5], data[5:])))):
        stored = await store.put(key, given)
        assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
        assert await store.read(key) == data


async def test_a_second_put_replaces_the_bytes(store: ArtifactStore) -> None:
    await store.put("a/1", b"first, and longer")
    await store.put("a/1", b"second")
    assert await store.read("a/1") == b"second"
    async with store.open("a/1") as path:
        assert path.read_bytes() == b"second"
    await store.put("a/1", b"third")
    async with store.open("a/1") as path:
        assert path.read_bytes() == b"third"


async def test_an_empty_stream_is_an_empty_artifact(store: ArtifactStore) -> None:
    assert (await store.put("jobs/a", blocks())).size == 0
    assert await store.read("jobs/a") == b""
    async with store.open("jobs/a") as path:
        assert path.read_bytes() == b""


async def test_put_many_answers_in_order(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    stored = await store.put_many([("jobs/x/1", b"one"), ("jobs/y/2", source), ("jobs/x/3", b"")])
    assert [(one.key, one.size) for one in stored] == [("jobs/x/1", 3), ("jobs/y/2", 11), ("jobs/x/3", 0)]
    assert await store.read("jobs/y/2") == b"from a file"
    assert await store.put_many([]) == []


async def test_of_many_parts_none_stays_if_one_cannot_be_stored(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await store.put_many([("jobs/x/1", b"one"), ("jobs/x/2", tmp_path / "missing"), ("jobs/x/3", b"three")])
    assert await all_keys(store) == {}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "a/../b",
        "..",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "a/\0",
        "a/\n",
        "x" * 256,
        "/".join(["a" * 200] * 6),
    ],
)
async def test_what_is_not_a_key_is_refused_before_anything_is_written(store: ArtifactStore, key: str) -> None:
    for call in (store.put(key, b"data"), store.create(key, b"data"), store.append(key, 0, b""), store.delete([key])):
        with pytest.raises(ValueError, match="not an artifact key"):
            await call
    assert await all_keys(store) == {}


@pytest.mark.parametrize("kind", ["bytes", "path", "stream"])
@pytest.mark.parametrize("most", [10, 2 * CHUNK])
async def test_past_the_limit_nothing_is_kept(store: ArtifactStore, tmp_path: Path, kind: str, most: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * (most + 1))
    sources: dict[str, bytes | Path | AsyncIterator[bytes]] = {
        "bytes": b"x" * (most + 1),
        "path": source,
        "stream": blocks(b"x" * most, b"x"),
    }
    with pytest.raises(TooLarge, match=f"{most} bytes"):
        await store.put("jobs/a", sources[kind], max_bytes=most)
    assert await all_keys(store) == {}
    assert unfinished(tmp_path) == []
    assert (await store.put("jobs/a", b"x" * 10, max_bytes=10)).size == 10


async def test_an_endless_stream_is_stopped_at_the_limit(store: ArtifactStore, tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1 << 16
            yield b"x" * (1 << 16)

    with pytest.raises(TooLarge):
        await store.put("jobs/a", endless(), max_bytes=3 << 20)
    assert taken <= 5 << 20
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("before", [4, 3 * CHUNK])
async def test_a_source_that_breaks_off_leaves_nothing(store: ArtifactStore, tmp_path: Path, before: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(0, before, 1 << 20):
            yield b"x" * min(before, 1 << 20)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await store.put("jobs/a", broken())
    assert await all_keys(store) == {}
    assert unfinished(tmp_path) == []


async def test_a_put_that_is_cancelled_ends_and_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    waits = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 20)
        waits.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put("jobs/a", slow()))
    await asyncio.wait_for(waits.wait(), 60)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(putting, 60)
    assert await all_keys(store) == {}
    assert unfinished(tmp_path) == []


async def test_links_and_pipes_are_not_sources(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        await store.put("jobs/a", tmp_path / "link")
    with pytest.raises(ValueError, match="not a regular file"):
        await asyncio.wait_for(store.put("jobs/a", tmp_path / "pipe"), 10)
    assert await all_keys(store) == {}


async def test_unknown_is_not_found(store: ArtifactStore) -> None:
    await store.put("jobs/a", b"1")
    for key in ("jobs/b", "jobs", "jobs/a/b"):
        with pytest.raises(NotFound):
            await store.read(key)
        with pytest.raises(NotFound):
            await store.stat(key)
        with pytest.raises(NotFound):
            async with store.open(key):
                pass
    with pytest.raises(NotFound):
        async for _ in store.stream("jobs/b"):
            pass
    assert await store.missing(["jobs/a", "jobs/b", "jobs", "jobs/a/b"]) == ["jobs/b", "jobs", "jobs/a/b"]


async def test_an_open_file_has_the_bytes_until_they_are_deleted(store: ArtifactStore) -> None:
    data = os.urandom(700_000)
    await store.put("jobs/a", data)
    async with store.open("jobs/a") as first, store.open("jobs/a") as second:
        assert first.read_bytes() == second.read_bytes() == data
    await store.delete(["jobs/a"])
    with pytest.raises(NotFound):
        async with store.open("jobs/a"):
            pass


async def test_many_readers_open_one_file_at_once(store: ArtifactStore) -> None:
    data = os.urandom(2_000_000)
    await store.put("jobs/a", data)

    async def opened() -> bytes:
        async with store.open("jobs/a") as path:
            return await asyncio.to_thread(path.read_bytes)

    assert set(await asyncio.gather(*(opened() for _ in range(20)))) == {data}


async def test_a_stream_has_the_bytes_from_start_to_stop(store: ArtifactStore) -> None:
    data = os.urandom(700_000)
    await store.put("jobs/a", data)
    for start, stop in ((0, None), (0, 0), (0, 10), (5, 5), (1, 600_000), (699_999, None), (700_000, None), (5, 10**9)):
        assert b"".join([block async for block in store.stream("jobs/a", start, stop)]) == data[start:stop]


async def test_size_and_time_are_known(store: ArtifactStore) -> None:
    await store.put("jobs/a", b"data")
    first = await store.stat("jobs/a")
    assert first.size == 4
    assert await store.stat("jobs/a") == first


async def test_the_keys_of_a_folder_are_those_directly_in_it_in_order(store: ArtifactStore) -> None:
    await store.put_many([("jobs/b", b""), ("jobs/a", b""), ("jobs/deeper/c", b"")])
    assert await store.keys("jobs") == ["jobs/a", "jobs/b"]
    assert await store.keys("nothing") == await store.keys("jobs/a") == []


async def test_a_walk_finds_every_key_with_its_size(store: ArtifactStore) -> None:
    parts: list[tuple[str, bytes | Path]] = [(f"jobs/{n % 7}/{n:04d}", bytes(n)) for n in range(1200)]
    await store.put_many(parts)
    assert await all_keys(store) == {f"jobs/{n % 7}/{n:04d}": n for n in range(1200)}


async def test_of_many_that_make_one_key_one_does(open_one: Open) -> None:
    stores = [open_one() for _ in range(6)]
    made = await asyncio.gather(*(one.create("id", b"%d" % n) for n, one in enumerate(stores)))
    assert sorted(made) == [False] * 5 + [True]
    assert await stores[0].read("id") == b"%d" % made.index(True)
    assert not await stores[0].create("id", b"another")


async def test_what_is_appended_is_there_at_once_and_only_once_however_often_it_is_sent(store: ArtifactStore) -> None:
    assert await store.append("logs/1", 0, b"one ") == 4
    assert await store.append("logs/1", 4, b"two ") == 8
    assert await store.append("logs/1", 4, b"two ") == 8
    assert await store.read("logs/1") == b"one two "
    assert (await store.stat("logs/1")).size == 8
    assert await store.append("logs/1", 0, b"again") == 5
    assert await store.read("logs/1") == b"again"
    assert await store.address("logs/1", 60) is None


async def test_what_would_leave_a_gap_is_not_appended(store: ArtifactStore) -> None:
    await store.append("logs/1", 0, b"one")
    with pytest.raises(ValueError, match="bytes before 4 are missing"):
        await store.append("logs/1", 4, b"x")
    assert await store.read("logs/1") == b"one"


async def test_a_log_that_was_deleted_does_not_come_back(store: ArtifactStore) -> None:
    await store.append("logs/1", 0, b"one")
    await store.delete(["logs/1"])
    with pytest.raises(NotFound):
        await store.append("logs/1", 3, b"two")
    await store.complete("logs/1")
    await store.flush()
    assert await store.keys("logs") == []
    assert await all_keys(store) == {}


async def test_a_complete_log_is_seen_by_every_store_of_the_place(open_one: Open) -> None:
    here, there = open_one(), open_one()
    await here.append("logs/1", 0, b"one")
    assert await here.keys("logs") == ["logs/1"]
    await here.complete("logs/1")
    assert await here.read("logs/1") == b"one"
    assert not await here.flush()
    for store in (here, there):
        assert await store.keys("logs") == ["logs/1"]
        assert await store.read("logs/1") == b"one"
        async with store.open("logs/1") as path:
            assert path.read_bytes() == b"one"


async def test_a_log_that_grows_is_shown_to_every_store_of_the_place(open_one: Open) -> None:
    here, there = open_one(), open_one()
    await here.append("logs/1", 0, b"one ")
    await here.append("logs/2", 0, b"deleted")
    await here.show_logs()
    assert await there.read("logs/1") == b"one "
    await here.append("logs/1", 4, b"two")
    await here.delete(["logs/2"])
    await here.complete("logs/1")
    await here.show_logs()
    assert not await here.flush()
    assert await there.read("logs/1") == b"one two"
    assert await there.keys("logs") == ["logs/1"]


async def test_a_delete_takes_what_is_named_and_passes_over_the_unknown(store: ArtifactStore) -> None:
    await store.put_many([("jobs/1/a/x", b"1"), ("jobs/1/b/y", b"2")])
    await store.delete(["jobs/1/a/x", "jobs/1/a/x", "jobs/9/none"])
    assert await store.read("jobs/1/b/y") == b"2"
    await store.delete(["jobs/1/b/y"])
    assert await all_keys(store) == {}
    await store.delete([])


async def test_a_delete_takes_more_keys_than_one_request_may_name(store: ArtifactStore) -> None:
    keys = [f"jobs/1/{n:04d}" for n in range(1100)]
    await store.put_many([(key, b"x") for key in keys])
    await store.delete(keys)
    assert await all_keys(store) == {}


async def test_puts_and_deletes_of_neighbours_do_not_disturb_one_another(store: ArtifactStore) -> None:
    async def churn(number: int) -> None:
        for turn in range(25):
            key = f"jobs/shared/{number}"
            await store.put(key, f"{number} {turn}".encode())
            assert await store.read(key) == f"{number} {turn}".encode()
            await store.delete([key])

    await asyncio.gather(*(churn(number) for number in range(8)))


async def test_concurrent_puts_of_one_key_leave_one_whole_version(store: ArtifactStore) -> None:
    versions = [bytes([number]) * 200_000 for number in range(12)]
    await asyncio.gather(*(store.put("jobs/one", version) for version in versions))
    assert await store.read("jobs/one") in versions


async def test_only_a_store_elsewhere_has_addresses(store: ArtifactStore) -> None:
    await store.put("jobs/a", b"data")
    assert (await store.address("jobs/a", 60) is None) == isinstance(store, DiskStore)
    address = await store.upload_address("jobs/b", 60)
    assert (address is None) == isinstance(store, DiskStore)
    if address is not None:
        async with httpx.AsyncClient() as anybody:
            assert (await anybody.put(address, content=b"more")).is_success
            assert (await anybody.put(address.replace("jobs/b", "jobs/c"), content=b"more")).status_code == 403
        assert await store.read("jobs/b") == b"more"
        assert await store.missing(["jobs/c"]) == ["jobs/c"]
