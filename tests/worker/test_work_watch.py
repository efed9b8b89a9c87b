"""A worker waits for work only while it has a free slot, so that no other one is passed over for it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests import make
from tests.operations.remote import SPECS
from tests.operations.scheduled import furnish
from tests.runtime.until import until

from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.operations import jobs, worker_tokens
from enginehouse.operations.house import House
from enginehouse.runtime.source import WorkerOffer
from enginehouse.storage.database.database import Database
from enginehouse.worker.connection import Connection
from enginehouse.worker.http_source import HttpSource
from enginehouse.worker.input_cache import InputCache
from enginehouse.worker.work_watch import WorkWatch

CALLER = make.principal()


class Watcher:
    """The watch of a worker with one slot, which the test takes and frees."""

    def __init__(self, source: HttpSource) -> None:
        self.source, self.free, self.told = source, 1, asyncio.Event()
        self.watch = WorkWatch(
            source, {"native": 1}, free=lambda pool: self.free, on_work=self.told.set, on_stop=lambda: None
        )


@pytest.fixture
async def house(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[House]:
    store = DiskStore(tmp_path / "store")
    built = await furnish(House.build(sqlite_database, store))
    yield built
    await built.work_waits.close()
    store.close()


@pytest.fixture
async def watchers(house: House, tmp_path: Path) -> AsyncIterator[list[Watcher]]:
    """The watches of two workers. The first one waits longest."""
    issued = await worker_tokens.create(house, make.principal(super_admin=True))
    found, transport = list[Watcher](), httpx.ASGITransport(app=application(house))
    for name in ("one", "two"):
        connection = Connection("http://server", issued.secret, transport=transport)
        source = HttpSource(connection, SPECS, InputCache(tmp_path))
        await source.register(WorkerOffer(name=name, pools={"native": 1}, engines=[spec.id for spec in SPECS]))
        found.append(Watcher(source))
    yield found
    for each in found:
        await each.watch.loop.stop()


async def create(house: House) -> None:
    await jobs.create(house, CALLER, [make.independent(1)])
    house.wake_instances()


async def test_a_busy_worker_is_passed_over_until_its_slot_is_free(house: House, watchers: list[Watcher]) -> None:
    busy, other = watchers
    busy.free = 0
    for number, each in enumerate(watchers, 1):
        each.watch.loop.start()
        await until(lambda number=number: house.work_waits.waiting == number, "it waits")  # type: ignore[misc]
    await create(house)
    await asyncio.wait_for(other.told.wait(), 10)
    assert not busy.told.is_set()
    assert other.source.ready_pools == {"native"}
    other.free = 0
    busy.free = 1
    busy.watch.slot_free("native")
    await asyncio.wait_for(busy.told.wait(), 10)


async def test_a_slot_that_is_free_anyway_does_not_disturb_the_request(house: House, watchers: list[Watcher]) -> None:
    [first, _] = watchers
    first.watch.loop.start()
    await until(lambda: house.work_waits.waiting == 1, "it waits")
    first.watch.slot_free("native")
    assert not first.source.changed.is_set()
