"""The interfaces on a real house, with both databases and the published engine ids."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.api.clients import Api, Rest, serving

from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """Yields every interface with the token of the first administrator."""
    async with serving(database, tmp_path) as served:
        yield served


@pytest.fixture
async def foreign(api: Api) -> Api:
    """Returns every interface with the token of an administrator of another organization."""
    return await api.another_organization()


@pytest.fixture
def house(api: Api) -> House:
    return api.house


@pytest.fixture
def rest(api: Api) -> Rest:
    """Returns the published REST interface."""
    return api.edge


@pytest.fixture
def own(api: Api) -> Rest:
    """Returns our own REST interface."""
    return api.v1
