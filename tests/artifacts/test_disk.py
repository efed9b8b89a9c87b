"""The promises of the artifact store on disk: a key is whole or absent, durable and limited, and no residue stays."""

import asyncio
import errno
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import NotFound, TooLarge, Unavailable


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DiskStore]:
    store = DiskStore(tmp_path)
    yield store
    store.close()


def unfinished(root: Path) -> list[Path]:
    return [path for path in (root / "session").rglob("*") if path.is_file() and path.suffix != ".lock"]


async def blocks(*some: bytes) -> AsyncIterator[bytes]:
    for block in some:
        yield block


async def test_a_put_answers_size_and_digests_and_the_bytes_are_there(store: DiskStore, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    source = tmp_path / "source"
    source.write_bytes(data)
    for key, given in (("jobs/a/1", data), ("jobs/a/2", source), ("jobs/b/3", blocks(data[:7], data[7:]))):
        stored = await store.put(key, given)
        assert (stored.key, stored.size) == (key, len(data))
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert stored.md5 == hashlib.md5(data).hexdigest()
        assert (store.kept / key).read_bytes() == data
        assert await store.read(key, limit=10) == data[:10]
    assert source.read_bytes() == data
    assert unfinished(tmp_path) == []


async def test_an_empty_stream_is_an_empty_artifact(store: DiskStore) -> None:
    assert (await store.put("jobs/a", blocks())).size == 0
    assert await store.read("jobs/a") == b""


async def test_put_many_answers_in_order(store: DiskStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"from a file")
    stored = await store.put_many([("jobs/x/1", b"one"), ("jobs/y/2", source), ("jobs/x/3", b"")])
    assert [(one.key, one.size) for one in stored] == [("jobs/x/1", 3), ("jobs/y/2", 11), ("jobs/x/3", 0)]
    assert await store.read("jobs/y/2") == b"from a file"
    assert await store.put_many([]) == []


async def test_many_parts_need_few_open_files(store: DiskStore) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    await store.put_many([("jobs/x", b"")])  # the threads are there
    spare = os.open(os.devnull, os.O_RDONLY)  # the number of the next open file
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 20, hard))
    try:
        stored = await store.put_many([(f"jobs/{n}", b"x") for n in range(200)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(stored) == 200


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
async def test_what_is_not_a_key_is_refused_before_anything_is_written(
    store: DiskStore, tmp_path: Path, key: str
) -> None:
    with pytest.raises(ValueError, match="not an artifact key"):
        await store.put(key, b"data")
    with pytest.raises(ValueError, match="not an artifact key"):
        await store.delete([key])
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("kind", ["bytes", "path", "stream"])
async def test_past_the_limit_nothing_is_kept(store: DiskStore, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 11)
    sources: dict[str, bytes | Path | AsyncIterator[bytes]] = {
        "bytes": b"x" * 11,
        "path": source,
        "stream": blocks(b"x" * 10, b"x"),
    }
    with pytest.raises(TooLarge, match="10 bytes"):
        await store.put("jobs/a", sources[kind], max_bytes=10)
    assert not (store.kept / "jobs/a").exists()
    assert unfinished(tmp_path) == []
    assert (await store.put("jobs/a", b"x" * 10, max_bytes=10)).size == 10


async def test_an_endless_stream_is_stopped_at_the_limit(store: DiskStore, tmp_path: Path) -> None:
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


async def test_a_source_that_breaks_off_leaves_nothing(store: DiskStore, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await store.put("jobs/a", broken())
    assert not (store.kept / "jobs/a").exists()
    assert unfinished(tmp_path) == []


async def test_a_full_disk_is_unavailable_and_leaves_nothing(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="full"):
            await store.put_many([("jobs/a", b"1"), ("jobs/b", b"2")])
        with pytest.raises(Unavailable, match="full"):
            await store.put("jobs/c", blocks(b"3"))
    assert list((tmp_path / "kept").rglob("*")) == []
    assert unfinished(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")
async def test_bytes_reach_the_disk_before_their_name_and_the_name_before_the_answer(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, Path.rename

    def synced(handle: int) -> None:
        sync(handle)
        name = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append("bytes" if name.name.startswith("incoming-") else str(name.relative_to(tmp_path)))

    def renamed(source: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    await store.put("jobs/1/a", b"one")
    assert steps == ["bytes", "kept", "kept/jobs", "rename", "kept/jobs/1"]
    steps.clear()
    await store.put_many([("jobs/1/b", b"two"), ("jobs/1/c", b"three")])
    assert steps == ["bytes", "bytes", "rename", "rename", "kept/jobs/1"]


async def test_a_file_larger_than_the_system_allows_is_unavailable(store: DiskStore, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(Unavailable):
            await store.put("jobs/a", bytes(2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert unfinished(tmp_path) == []


async def test_links_and_pipes_are_not_sources(store: DiskStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        await store.put("jobs/a", tmp_path / "link")
    with pytest.raises(ValueError, match="not a regular file"):
        await asyncio.wait_for(store.put("jobs/a", tmp_path / "pipe"), 10)
    assert not (store.kept / "jobs/a").exists()


async def test_unknown_is_not_found(store: DiskStore) -> None:
    await store.put("jobs/a", b"1")
    for key in ("jobs/b", "jobs", "jobs/a/b"):
        with pytest.raises(NotFound):
            await store.read(key)


async def test_an_open_file_is_the_stored_one_and_what_is_not_there_is_not_opened(
    store: DiskStore, tmp_path: Path
) -> None:
    await store.put("jobs/a", b"data")
    async with store.open("jobs/a") as path:
        assert path == tmp_path / "kept/jobs/a"
    for key in ("jobs/b", "jobs", "jobs/a/b"):
        with pytest.raises(NotFound):
            async with store.open(key):
                pass


async def test_a_stream_has_the_bytes_from_start_to_stop(store: DiskStore) -> None:
    data = os.urandom(700_000)
    await store.put("jobs/a", data)
    for start, stop in ((0, None), (0, 0), (0, 10), (5, 5), (1, 600_000), (699_999, None), (700_000, None), (5, 10**9)):
        assert b"".join([block async for block in store.stream("jobs/a", start, stop)]) == data[start:stop]
    with pytest.raises(NotFound):
        async for _ in store.stream("jobs/b"):
            pass


async def test_size_and_time_are_known_of_a_file_only(store: DiskStore, tmp_path: Path) -> None:
    await store.put("jobs/a", b"data")
    os.utime(tmp_path / "kept/jobs/a", (1, 2.5))
    assert await store.stat("jobs/a") == (4, 2.5)
    for key in ("jobs/b", "jobs", "jobs/a/b"):
        with pytest.raises(NotFound):
            await store.stat(key)


async def test_the_keys_of_a_folder_are_those_directly_in_it_in_order(store: DiskStore) -> None:
    await store.put_many([("jobs/b", b""), ("jobs/a", b""), ("jobs/deeper/c", b"")])
    assert await store.keys("jobs") == ["jobs/a", "jobs/b"]
    assert await store.keys("nothing") == await store.keys("jobs/a") == []


async def test_of_many_that_make_one_key_one_does(store: DiskStore, tmp_path: Path) -> None:
    stores = [store, *(DiskStore(tmp_path) for _ in range(5))]
    made = await asyncio.gather(*(one.create("id", b"%d" % n) for n, one in enumerate(stores)))
    assert sorted(made) == [False] * 5 + [True]
    assert await store.read("id") == b"%d" % made.index(True)
    for one in stores[1:]:
        one.close()


async def test_what_is_appended_is_there_at_once_and_only_once_however_often_it_is_sent(store: DiskStore) -> None:
    assert await store.append("logs/1", 0, b"one ") == 4
    assert await store.append("logs/1", 4, b"two ") == 8
    assert await store.append("logs/1", 4, b"two ") == 8
    assert await store.read("logs/1") == b"one two "
    assert await store.append("logs/1", 0, b"again") == 5
    assert await store.read("logs/1") == b"again"


async def test_what_would_leave_a_gap_is_not_appended(store: DiskStore) -> None:
    await store.append("logs/1", 0, b"one")
    with pytest.raises(ValueError, match="bytes before 4 are missing"):
        await store.append("logs/1", 4, b"x")
    assert await store.read("logs/1") == b"one"


async def test_a_log_that_was_deleted_does_not_come_back(store: DiskStore, tmp_path: Path) -> None:
    await store.append("logs/1", 0, b"one")
    await store.append("logs/2", 0, b"one")
    await store.delete(["logs/1"])
    with pytest.raises(NotFound):
        await store.append("logs/1", 3, b"two")
    assert await store.keys("logs") == ["logs/2"]
    await store.delete(["logs/2"])
    with pytest.raises(NotFound):
        await store.append("logs/2", 3, b"two")
    assert list((tmp_path / "kept").rglob("*")) == []


async def test_a_delete_prunes_what_it_empties_and_passes_over_the_unknown(store: DiskStore, tmp_path: Path) -> None:
    await store.put_many([("jobs/1/a/x", b"1"), ("jobs/1/b/y", b"2")])
    await store.delete(["jobs/1/a/x", "jobs/1/a/x", "jobs/9/none"])
    assert not (tmp_path / "kept/jobs/1/a").exists()
    assert await store.read("jobs/1/b/y") == b"2"
    await store.delete(["jobs/1/b/y"])
    assert list((tmp_path / "kept").iterdir()) == []


async def test_puts_and_deletes_of_neighbours_do_not_disturb_one_another(store: DiskStore) -> None:
    async def churn(number: int) -> None:
        for turn in range(25):
            key = f"jobs/shared/{number}"
            await store.put(key, f"{number} {turn}".encode())
            assert await store.read(key) == f"{number} {turn}".encode()
            await store.delete([key])

    await asyncio.gather(*(churn(number) for number in range(8)))


async def test_concurrent_puts_of_one_key_leave_one_whole_version(store: DiskStore) -> None:
    versions = [bytes([number]) * 200_000 for number in range(12)]
    await asyncio.gather(*(store.put("jobs/one", version) for version in versions))
    assert await store.read("jobs/one") in versions


def test_what_a_killed_process_left_is_cleaned_at_the_next_start(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from enginehouse.artifacts.disk import DiskStore
store = DiskStore(Path({str(tmp_path)!r}))
async def endless():
    while True:
        yield bytes(1 << 20)
        if sum(p.stat().st_size for p in Path({str(tmp_path)!r}).rglob("incoming-*")) > 0:
            (store.scratch() / "half").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(store.put("jobs/a", endless()))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert len(unfinished(tmp_path)) == 2
    store = DiskStore(tmp_path)
    assert unfinished(tmp_path) == []
    assert not (store.kept / "jobs/a").exists()
    store.close()


def test_another_process_that_lives_keeps_its_unfinished_work(tmp_path: Path) -> None:
    living = DiskStore(tmp_path)
    scratch = living.scratch()
    (scratch / "half").write_bytes(b"half")
    DiskStore(tmp_path).close()
    assert (scratch / "half").read_bytes() == b"half"
    living.close()
    assert list((tmp_path / "session").iterdir()) == []
