"""Fixtures for all layers: both databases, open, migrated and empty."""

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests import array_types, selection
from tests.clean_databases import CleanDatabases
from tests.object_store import ObjectStore
from tests.object_store import started as object_store_started
from tests.postgres import FSYNC, PATIENCE, PostgresServer, started
from tests.ray_cluster import RayCluster
from tests.ray_cluster import started as ray_cluster_started
from tests.scratch import in_memory

from enginehouse.operations import passwords
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sql import Statements, statements
from enginehouse.storage.database.sql_words import Dialect
from enginehouse.storage.database.sqlite import SqliteDatabase

SQL = Path(__file__).parent / "storage" / "sql"

in_memory()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    selection.arrange(config, items)


def pytest_collection_finish() -> None:
    """The garbage collector leaves alone what lives as long as the tests: it took a twelfth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed for real, but as cheaply as possible: almost every house has an administrator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def known_types() -> Iterator[None]:
    with array_types.shared():
        yield


@pytest.fixture(scope="session", autouse=True)
def no_contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands find no contexts of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yields the PostgreSQL of this test process. The first test that needs it starts it."""
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """Yields the object store of this test process. The first test that needs it starts it."""
    with object_store_started() as store:
        yield store


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayCluster]:
    """Yields the Ray cluster of this test process. The first test that needs it starts it."""
    with ray_cluster_started() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Returns the name of a migrated, empty database without connections, as a template for copies."""

    async def make() -> str:
        name = await postgres.create()
        database = await PostgresDatabase.open(postgres.dsn(name), allow_unsafe_durability=FSYNC == "off")
        await database.close()
        return name

    return asyncio.run(make())


@pytest.fixture(scope="session")
def clean_databases(postgres: PostgresServer, postgres_template: str) -> Iterator[CleanDatabases]:
    databases = CleanDatabases(postgres, postgres_template)
    yield databases
    databases.close()


@pytest.fixture
def postgres_dsn(postgres: PostgresServer, clean_databases: CleanDatabases) -> Iterator[str]:
    """Yields the DSN of a migrated PostgreSQL database without rows."""
    taken = clean_databases.take()
    yield postgres.dsn(taken.name)
    clean_databases.give_back(taken)


@pytest.fixture
async def empty_postgres_dsn(postgres: PostgresServer) -> AsyncIterator[str]:
    """Yields the DSN of a PostgreSQL database without a single table."""
    name = await postgres.create()
    yield postgres.dsn(name)
    await postgres.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the file of a migrated, empty database, as a template for copies."""

    async def make() -> Path:
        path = tmp_path_factory.mktemp("template") / "template.db"
        await (await SqliteDatabase.open(path)).close()
        return path

    return asyncio.run(make())


@pytest.fixture
async def sqlite_database(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    opened = await SqliteDatabase.open(shutil.copyfile(sqlite_template, tmp_path / "test.db"))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def connections() -> int:
    """Returns how many connections write, and how many read."""
    return 2


@pytest.fixture
async def postgres_database(postgres_dsn: str, connections: int) -> AsyncIterator[Database]:
    opened = await PostgresDatabase.open(
        postgres_dsn, writers=connections, readers=connections, allow_unsafe_durability=FSYNC == "off",
        read_seconds=PATIENCE, write_seconds=PATIENCE,
    )  # fmt: skip
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Returns a fresh, migrated database. The test runs once on each of the two kinds."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture(scope="session")
def loaded_statements() -> dict[Dialect, Statements]:
    dialects: tuple[Dialect, ...] = ("sqlite", "postgres")
    return {dialect: statements(dialect, SQL) for dialect in dialects}


@pytest.fixture
def own_statements(monkeypatch: pytest.MonkeyPatch, loaded_statements: dict[Dialect, Statements]) -> None:
    """During a test the statements of `tests/storage/sql` are known in addition to the product's."""
    for dialect, loaded in loaded_statements.items():
        for name, statement in loaded.items():
            monkeypatch.setitem(statements(dialect), name, statement)
