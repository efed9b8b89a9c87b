"""The interfaces on a real house: both databases, two organizations, the published engine ids."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.api.rest_client import CATEGORIES, ENGINES, Rest

from enginehouse.api.edge.routes import interface
from enginehouse.artifacts.disk import DiskStore
from enginehouse.operations import accounts, engines
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database

TOKEN = "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    store = DiskStore(tmp_path / "store")
    built = House.build(database, store)
    await accounts.first_start(built, init_token=TOKEN)
    await engines.register(built, ENGINES, CATEGORIES)
    yield built
    store.close()


@pytest.fixture
async def rest(house: House) -> AsyncIterator[Rest]:
    """The REST interface as its first administrator sees it."""
    transport = httpx.ASGITransport(app=interface(lambda: house), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/edge/v1") as client:
        yield Rest(client, house, TOKEN)
