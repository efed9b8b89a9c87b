"""Fixtures for every floor: both databases, opened, migrated and empty."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.postgres import FSYNC, PostgresServer, started

from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sql import Dialect, statements
from enginehouse.storage.database.sqlite import SqliteDatabase

SQL = Path(__file__).parent / "storage" / "sql"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL per test process, started by the first test that asks for it."""
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """The name of a migrated, empty database that nobody is connected to, to copy from."""

    async def make() -> str:
        name = await postgres.create()
        database = await PostgresDatabase.open(postgres.dsn(name), allow_unsafe_durability=FSYNC == "off")
        await database.close()
        return name

    return asyncio.run(make())


@pytest.fixture
async def postgres_dsn(postgres: PostgresServer, postgres_template: str) -> AsyncIterator[str]:
    """Where a fresh, migrated PostgreSQL database is."""
    name = await postgres.create(postgres_template)
    yield postgres.dsn(name)
    await postgres.drop(name)


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await SqliteDatabase.open(tmp_path / "test.db")
    yield opened
    await opened.close()


@pytest.fixture
async def postgres_database(postgres_dsn: str) -> AsyncIterator[Database]:
    opened = await PostgresDatabase.open(postgres_dsn, writers=2, readers=2, allow_unsafe_durability=FSYNC == "off")
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh, migrated database; the test runs once on each of the two."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture
def own_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """The statements of `tests/storage/sql` are known beside the product's while a test runs, and not afterwards."""
    dialects: tuple[Dialect, ...] = ("sqlite", "postgres")
    for dialect in dialects:
        for name, statement in statements(dialect, SQL).items():
            monkeypatch.setitem(statements(dialect), name, statement)
