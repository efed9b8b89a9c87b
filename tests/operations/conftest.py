"""Fixtures for the operations: a house on each database, with a store on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.operations.scheduled import furnish

from enginehouse.artifacts.disk import DiskStore
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DiskStore]:
    opened = DiskStore(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def house(database: Database, store: DiskStore) -> House:
    return House.build(database, store)


@pytest.fixture
async def ready(house: House) -> House:
    """A house with two organizations that knows the engines of the builders."""
    return await furnish(house)
