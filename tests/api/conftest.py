"""The interfaces on a real house, with both databases and the published engine ids."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs
from tests.api.clients import Api, Callers, Rest, serving
from tests.api.row_digests import PostgresRows, RowDigests, SqliteRows

from enginehouse.domain.identity import Role
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database


@pytest.fixture(scope="session")
def connections() -> int:
    """Returns how many connections write, and how many read. Few of these tests do two things at once."""
    return 1


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """Yields every interface with the token of the first administrator."""
    async with serving(database, tmp_path) as served:
        yield served


@pytest.fixture
async def sqlite_api(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    """Yields every interface on SQLite, for tests of what no database sees. Nothing is logged."""
    with capture_logs():
        async with serving(sqlite_database, tmp_path) as served:
            yield served


@pytest.fixture
async def rows(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowDigests]:
    """Yields digests of what an organization has in the tables of the database."""
    if database.dialect == "sqlite":
        yield SqliteRows(tmp_path / "test.db")
        return
    connection = await asyncpg.connect(request.getfixturevalue("postgres_dsn"))
    yield PostgresRows(connection)
    await connection.close()


@pytest.fixture
async def foreign(api: Api) -> Api:
    """Returns every interface with the token of an administrator of another organization."""
    return await api.another_organization()


@pytest.fixture
async def stranger(api: Api) -> Api:
    """Returns the same for a third organization."""
    return await api.another_organization()


@pytest.fixture(params=["REST", "GraphQL"])
def either(api: Api, request: pytest.FixtureRequest) -> Api:
    """Returns every interface. The test runs once over each of two interfaces, which `do` uses."""
    return replace(api, interface=request.param)


@pytest.fixture
async def callers(either: Api) -> Callers:
    """Returns callers of that interface: administrator and user of one organization, administrator of another."""
    user, stranger = await either.in_role(Role.USER), await either.another_organization()
    return {"admin": either, "user": user, "stranger": stranger}


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
