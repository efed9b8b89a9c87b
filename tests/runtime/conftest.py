"""A real house on an embedded database, for the tests of the runtime."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.runtime.floor import ENGINES, Floor, ItemSource

from enginehouse.artifacts.disk import DiskStore
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database


@pytest.fixture
async def floor(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Floor]:
    store = DiskStore(tmp_path / "store")
    house = House.build(sqlite_database, store)
    await first_start(house, init_token="7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a")
    await engines.register(house, [engine.spec for engine in ENGINES.values()], CATEGORIES)
    yield Floor(house, ItemSource(house), tmp_path)
    store.close()
