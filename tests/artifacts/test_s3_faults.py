"""A store in a bucket whose answers are late, lost or cut, and that goes away: nothing is lost, doubled or half."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests import object_store as object_stores
from tests.object_store import SECRET, ObjectStore, started
from tests.store_proxy import StoreProxy, Trouble, proxy_to

from enginehouse.artifacts.place import PlaceError, folder_of, open_store
from enginehouse.artifacts.s3 import S3Store
from enginehouse.artifacts.s3_client import CHUNK, Availability, Patience
from enginehouse.domain.errors import NotFound, TooLarge
from enginehouse.domain.store_errors import StoreUnavailable

QUICK = Patience(connect=1.0, silent=10.0, retries=3, first_pause=0.01, longest_pause=0.02, all_retries=5.0)


def opened(place: str, local: Path, *, cache_bytes: int = 1 << 30) -> S3Store:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Store(bucket, prefix, local, cache_bytes=cache_bytes, patience=QUICK)


@pytest.fixture
def proxy(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreProxy]:
    with proxy_to(object_store.url) as proxy:
        object_stores.in_environment(monkeypatch, object_store.environment(proxy.url))
        yield proxy


@pytest.fixture
def store(proxy: StoreProxy, object_store: ObjectStore, tmp_path: Path) -> Iterator[S3Store]:
    store = opened(object_store.place(), tmp_path / "local")
    yield store
    store.close()


async def keys(store: S3Store) -> list[str]:
    return [one.key async for page in store.walk() for one in page]


@pytest.mark.parametrize("size", [5, 2 * CHUNK + 5])
async def test_a_put_survives_a_few_503_and_lost_answers(store: S3Store, proxy: StoreProxy, size: int) -> None:
    data = os.urandom(size)
    for trouble in (Trouble.BUSY, Trouble.LOST):
        proxy.first(2, trouble, "PUT")
        await store.put("a/1", data)
        assert await store.read("a/1") == data
    assert await keys(store) == ["a/1"]


@pytest.mark.parametrize("second", [Trouble.NONE, Trouble.FORGOTTEN])
async def test_a_large_put_whose_last_answer_is_lost_has_happened(
    store: S3Store, proxy: StoreProxy, second: Trouble
) -> None:
    """Some stores no longer know an upload that is complete."""
    data = os.urandom(2 * CHUNK + 5)
    proxy.in_turn("POST", "uploadId=", Trouble.LOST, second)
    stored = await store.put("a/1", data)
    assert stored.size == len(data)
    assert await store.read("a/1") == data


@pytest.mark.parametrize("there", [b"other bytes", bytes(2 * CHUNK + 5), None])
async def test_a_large_put_that_the_store_has_forgotten_is_no_success(
    store: S3Store, proxy: StoreProxy, there: bytes | None
) -> None:
    if there is not None:
        await store.put("a/1", there)
    proxy.in_turn("POST", "uploadId=", Trouble.FORGOTTEN)
    with pytest.raises(StoreUnavailable):
        await store.put("a/1", os.urandom(2 * CHUNK + 5))


async def test_a_put_that_is_cancelled_or_fails_makes_the_store_forget_its_parts(
    store: S3Store, object_store: ObjectStore
) -> None:
    before = object_store.unfinished_uploads()
    waits = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 20)
        waits.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put("a/1", slow()))
    await asyncio.wait_for(waits.wait(), 60)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    with pytest.raises(TooLarge):
        await store.put("a/2", bytes(3 * CHUNK), max_bytes=2 * CHUNK)
    assert object_store.unfinished_uploads() == before


async def test_a_create_whose_answer_is_lost_has_created(store: S3Store, proxy: StoreProxy) -> None:
    proxy.first(1, Trouble.LOST, "PUT")
    assert await store.create("id", b"mine")
    assert not await store.create("id", b"yours")
    assert await store.read("id") == b"mine"


async def test_a_download_that_breaks_off_goes_on_where_it_broke(store: S3Store, proxy: StoreProxy) -> None:
    data = os.urandom(3_000_000)
    await store.put("a/1", data)
    proxy.first(3, Trouble.CUT, "GET")
    assert await store.read("a/1") == data
    proxy.first(1, Trouble.CUT, "GET")
    async with store.open("a/1") as path:
        assert path.read_bytes() == data


async def test_a_storm_of_503_is_unavailable_soon_and_leaves_nothing(
    store: S3Store, proxy: StoreProxy, tmp_path: Path
) -> None:
    await store.put("a/1", b"data")
    proxy.always(Trouble.BUSY)

    async def open_one() -> None:
        async with store.open("a/1"):
            pass

    calls = (
        lambda: store.put("a/2", b"x"), lambda: store.put("a/3", bytes(2 * CHUNK)), lambda: store.read("a/1"), open_one,
        lambda: store.stat("a/1"), lambda: store.keys("a"), lambda: store.delete(["a/1"]), lambda: keys(store),
        lambda: store.create("b", b"x"), lambda: store.missing(["a/1"]), lambda: store.put_many([("a/4", b"x")]),
    )  # fmt: skip
    for call in calls:
        proxy.seen.clear()
        with pytest.raises(StoreUnavailable, match="cannot answer now") as caught:
            await call()
        assert caught.value.data["retry_after"] == 5
        assert caught.value.reason == "it answers 503"
        assert sum(proxy.seen.values()) == QUICK.retries + 1
    proxy.always(Trouble.NONE)
    assert await keys(store) == ["a/1"]
    assert await store.read("a/1") == b"data"
    assert [path for path in (tmp_path / "local/session").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_the_longer_the_store_is_away_the_longer_its_callers_wait() -> None:
    now = [100.0]
    availability = Availability(lambda: now[0])
    error = ConnectionError("x")
    waits = []
    for now[0] in (100.0, 103.0, 120.0, 10_000.0):
        waits.append(availability.failure(error).data["retry_after"])
    availability.answer()
    waits.append(availability.failure(error).data["retry_after"])
    assert waits == [5, 5, 20, 60, 5]


async def test_logs_wait_while_the_store_is_away_and_the_next_process_stores_them(
    proxy: StoreProxy, object_store: ObjectStore, tmp_path: Path
) -> None:
    place = object_store.place()
    first = opened(place, tmp_path / "local")
    await first.append("logs/1", 0, b"complete")
    await first.append("logs/2", 0, b"still grows")
    await first.complete("logs/1")
    proxy.always(Trouble.BUSY)
    with pytest.raises(StoreUnavailable):
        await first.flush()
    assert await first.read("logs/1") == b"complete"
    first.close()
    proxy.always(Trouble.NONE)
    second = opened(place, tmp_path / "local")
    assert not await second.flush()
    second.close()
    elsewhere = opened(place, tmp_path / "elsewhere")
    assert await elsewhere.read("logs/1") == b"complete"
    assert await elsewhere.read("logs/2") == b"still grows"
    elsewhere.close()
    assert [path for path in (tmp_path / "local/session").rglob("*") if path.is_file()] == []


async def test_a_signed_address_opens_one_thing_for_anybody_for_a_while(store: S3Store) -> None:
    await store.put("a/1", b"data")
    address = await store.address("a/1", 60)
    assert address is not None
    assert SECRET not in address
    assert await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=30).read()) == b"data"
    for wrong in (address.replace("a/1", "a/2"), address.replace("Expires=60", "Expires=61")):
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(urllib.request.urlopen, wrong, timeout=30)


async def test_a_bucket_that_is_not_there_and_a_wrong_key_are_named(
    proxy: StoreProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, object_store: ObjectStore
) -> None:
    missing = opened("s3://there-is-no-such-bucket/x", tmp_path / "1")
    for call in (missing.put("a", b"x"), missing.create("a", b"x")):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert caught.value.reason == "the bucket does not exist"
    missing.close()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    refused = opened(object_store.place(), tmp_path / "2")
    with pytest.raises(StoreUnavailable) as caught:
        await refused.put("a", b"x")
    assert caught.value.reason == "it refuses the credentials"
    assert "another" not in str(caught.value)
    assert caught.value.__cause__ is None
    refused.close()


def test_a_process_that_is_killed_in_the_middle_of_a_put_leaves_nothing_to_see(
    object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    object_stores.in_environment(monkeypatch, object_store.environment())
    place = object_store.place()
    program = f"""
import asyncio, os, signal
from pathlib import Path
from enginehouse.artifacts.place import open_store
store = open_store({place!r}, Path({str(tmp_path / "local")!r}), cache_bytes=0)
async def source():
    for _ in range(40):
        yield bytes(1 << 20)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(store.put("a/1", source()))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    store = opened(place, tmp_path / "local")
    assert asyncio.run(keys(store)) == []
    store.close()


async def test_a_store_that_is_killed_in_the_middle_of_a_put_has_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started() as own:
        object_stores.in_environment(monkeypatch, own.environment())
        store = opened(own.place(), tmp_path / "local")
        await store.put("a/whole", b"acknowledged")

        async def source() -> AsyncIterator[bytes]:
            for number in range(40):
                if number == 20:
                    await asyncio.to_thread(own.kill)
                yield bytes(1 << 20)

        with pytest.raises(StoreUnavailable):
            await store.put("a/half", source())
        with pytest.raises(StoreUnavailable):
            await store.read("a/whole")
        await asyncio.to_thread(own.start)
        assert await store.read("a/whole") == b"acknowledged"
        with pytest.raises(NotFound):
            await store.read("a/half")
        await store.put("a/half", b"again")
        assert await store.read("a/half") == b"again"
        store.close()


def test_without_the_package_one_sentence_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("enginehouse.artifacts.s3")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(PlaceError, match=r'pip install "enginehouse\[s3\]"'):
        open_store("s3://bucket/prefix", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_with_a_folder_does_not_import_the_package() -> None:
    program = "import sys, enginehouse.app; assert not [m for m in sys.modules if 'obstore' in m], 'imported'"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_place_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    assert folder_of("s3://bucket/prefix") is None
    assert folder_of(str(tmp_path)) == tmp_path
    assert folder_of("relative") == Path("relative").absolute()
