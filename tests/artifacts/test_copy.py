"""A copy of a store: bytes that arrive otherwise are found, and what is deleted meanwhile is no fault."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from enginehouse.artifacts.copy import compare, copy
from enginehouse.artifacts.disk import DiskStore
from enginehouse.artifacts.store import Listed, Stored


class Careless(DiskStore):
    """Stores other bytes than it says for one key."""

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        stored = await super().put(key, source, max_bytes=max_bytes)
        if key == "jobs/2":
            await super().put(key, b"x" * stored.size)
        return stored


class Deleting(DiskStore):
    """Lists a key whose bytes are deleted before anybody reads them."""

    async def walk(self) -> AsyncIterator[list[Listed]]:
        async for page in super().walk():
            yield page
        yield [Listed("jobs/gone", 3)]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[DiskStore]:
    store = Deleting(tmp_path / "source")
    for number in range(5):
        (store.kept / "jobs").mkdir(exist_ok=True)
        (store.kept / f"jobs/{number}").write_bytes(b"%d" % number * 10)
    (store.kept / "store-id").write_bytes(b"own")
    yield store
    store.close()


async def test_bytes_that_arrived_otherwise_are_named(source: DiskStore, tmp_path: Path) -> None:
    target = Careless(tmp_path / "target")
    told: list[int] = []
    report = await copy(source, target, besides={"store-id"}, tell=lambda so_far: told.append(so_far.keys))
    assert (report.wrong_keys, report.wrong) == (1, ["jobs/2"])
    assert (report.keys, report.copied, report.copied_bytes, report.gone) == (6, 5, 50, 1)
    assert told[-1] == 6
    assert await target.missing(["store-id"]) == ["store-id"]
    target.close()


async def test_a_comparison_names_what_is_missing_and_what_has_another_size(source: DiskStore, tmp_path: Path) -> None:
    target = DiskStore(tmp_path / "target")
    await copy(source, target, besides={"store-id"})
    await target.put("jobs/1", b"short")
    await target.delete(["jobs/3"])
    report = await compare(source, target, besides={"store-id"})
    assert sorted(report.wrong) == ["jobs/1", "jobs/3", "jobs/gone"]
    assert report.wrong_keys == 3
    target.close()
