"""A database and its store: the first start of both sets an id, and no server starts on a wrong pair."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from enginehouse.artifacts.disk import DiskStore
from enginehouse.operations import store_identity
from enginehouse.operations.store_identity import KEY, StoreId, parse
from enginehouse.storage import server_facts
from enginehouse.storage.database.database import Database, StorageRefused

Open = Callable[[str], DiskStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    opened: list[DiskStore] = []

    def open_(name: str) -> DiskStore:
        opened.append(DiskStore(tmp_path / name))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


class SlowStore(DiskStore):
    """No server creates an id before all servers have seen that there is none."""

    def __init__(self, root: Path, barrier: asyncio.Barrier) -> None:
        super().__init__(root)
        self._barrier = barrier

    async def create(self, key: str, data: bytes) -> bool:
        await self._barrier.wait()
        return await super().create(key, data)


class OvertakenStore(DiskStore):
    """After the first look at it, another server binds the same folder to the database."""

    def __init__(self, root: Path, binds: Callable[[], Awaitable[str]]) -> None:
        super().__init__(root)
        self._binds = [binds]

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        try:
            return await super().read(key, limit=limit)
        finally:
            while self._binds:
                await self._binds.pop()()


async def ids(database: Database, store: DiskStore) -> tuple[str | None, StoreId]:
    return await database.read(server_facts.store_id), parse(await store.read(KEY))


async def refused(database: Database, store: DiskStore) -> str:
    with pytest.raises(StorageRefused) as caught:
        await store_identity.bind(database, store)
    assert len(caught.value.message.splitlines()) == 1
    return caught.value.message


async def test_a_first_start_gives_both_the_same_id_and_the_next_one_keeps_it(
    database: Database, open_store: Open
) -> None:
    await store_identity.bind(database, open_store("a"))
    first = await ids(database, open_store("a"))
    assert first == (first[1].id, StoreId(first[1].id, new=False))
    await store_identity.bind(database, open_store("a"))
    assert await ids(database, open_store("a")) == first


async def test_a_first_start_that_another_one_overtakes_takes_its_id(
    database: Database, open_store: Open, tmp_path: Path
) -> None:
    store = OvertakenStore(tmp_path / "a", lambda: store_identity.bind(database, open_store("a")))
    bound = await store_identity.bind(database, store)
    assert await ids(database, store) == (bound, StoreId(bound, new=False))
    store.close()


async def test_a_store_with_bytes_but_without_an_id_gets_one_with_a_database_that_has_none(
    database: Database, open_store: Open
) -> None:
    store = open_store("a")
    await store.put("jobs/1/a", b"data")
    await store_identity.bind(database, store)
    assert (await ids(database, store))[0] is not None
    assert await store.read("jobs/1/a") == b"data"


async def test_a_store_without_an_id_is_refused_to_a_database_that_names_one(
    database: Database, open_store: Open, tmp_path: Path
) -> None:
    await store_identity.bind(database, open_store("a"))
    said = await refused(database, open_store("b"))
    assert str(tmp_path / "b") in said
    assert "data folder" in said
    assert list((tmp_path / "b/kept").iterdir()) == []


async def test_another_store_is_refused_and_both_are_named(database: Database, open_store: Open) -> None:
    await store_identity.bind(database, open_store("a"))
    right, _ = await ids(database, open_store("a"))
    await open_store("b").put(KEY, b"0c9d2a5c-0000-4000-8000-000000000000\n")
    said = await refused(database, open_store("b"))
    assert right is not None
    assert right in said
    assert "0c9d2a5c-0000-4000-8000-000000000000" in said


async def test_a_new_database_is_refused_on_the_store_of_another_one(database: Database, open_store: Open) -> None:
    await open_store("a").put(KEY, b"0c9d2a5c-0000-4000-8000-000000000000\n")
    assert "another database" in await refused(database, open_store("a"))
    assert await database.read(server_facts.store_id) is None


async def test_a_first_start_that_was_killed_halfway_is_taken_up(database: Database, open_store: Open) -> None:
    store = open_store("a")
    await store.put(KEY, b"0c9d2a5c-0000-4000-8000-000000000000 new\n")
    await store_identity.bind(database, store)
    assert await ids(database, store) == (
        "0c9d2a5c-0000-4000-8000-000000000000",
        StoreId("0c9d2a5c-0000-4000-8000-000000000000", new=False),
    )
    await store.put(KEY, b"0c9d2a5c-0000-4000-8000-000000000000 new\n")  # killed after the database had the id
    await store_identity.bind(database, store)
    assert not (await ids(database, store))[1].new


async def test_of_two_servers_with_stores_of_their_own_that_start_at_once_one_wins(
    database: Database, tmp_path: Path
) -> None:
    barrier = asyncio.Barrier(2)
    stores = [SlowStore(tmp_path / name, barrier) for name in ("a", "b")]
    ends = await asyncio.gather(*(store_identity.bind(database, store) for store in stores), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["StorageRefused", "str"]
    winner, loser = sorted(stores, key=lambda store: isinstance(ends[stores.index(store)], StorageRefused))
    of_database, of_winner = await ids(database, winner)
    assert of_winner == (of_database, False)
    assert (await ids(database, loser))[1].id != of_database
    for store in stores:
        store.close()


async def test_of_two_servers_with_one_store_that_start_at_once_both_find_one_id(
    database: Database, tmp_path: Path
) -> None:
    barrier = asyncio.Barrier(2)
    stores = [SlowStore(tmp_path / "a", barrier) for _ in range(2)]
    await asyncio.gather(*(store_identity.bind(database, store) for store in stores))
    of_database, of_store = await ids(database, stores[0])
    assert of_store == (of_database, False)
    for store in stores:
        store.close()
