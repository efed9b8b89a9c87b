"""The promises of the artifact store on disk: a key is whole or absent, durable and limited, and no residue stays."""

import asyncio
import errno
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import NotFound, Unavailable


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


async def test_size_and_time_are_known_of_a_file_only(store: DiskStore, tmp_path: Path) -> None:
    await store.put("jobs/a", b"data")
    os.utime(tmp_path / "kept/jobs/a", (1, 2.5))
    assert await store.stat("jobs/a") == (4, 2.5)
    for key in ("jobs/b", "jobs", "jobs/a/b"):
        with pytest.raises(NotFound):
            await store.stat(key)


async def test_of_many_that_make_one_key_one_does(store: DiskStore, tmp_path: Path) -> None:
    stores = [store, *(DiskStore(tmp_path) for _ in range(5))]
    made = await asyncio.gather(*(one.create("id", b"%d" % n) for n, one in enumerate(stores)))
    assert sorted(made) == [False] * 5 + [True]
    assert await store.read("id") == b"%d" % made.index(True)
    for one in stores[1:]:
        one.close()


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
