"""Fixtures for the drivers: both databases with the real schema and a few statements for tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.postgres import FSYNC, PATIENCE

from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

PROBE = """
-- name: put
INSERT INTO server_fact (name, value) VALUES (:name, :value);

-- name: get
SELECT value FROM server_fact WHERE name = :name;

-- name: names
SELECT name FROM server_fact ORDER BY name;

-- name: rename
UPDATE server_fact SET value = :value WHERE name LIKE :pattern;

-- name: by_names
-- lists: names text
SELECT name, value FROM server_fact WHERE name IN {names} ORDER BY name;

-- name: put_all
-- rows: name text, value text
INSERT INTO server_fact (name, value) SELECT r.name, r.value FROM {rows} r;

-- name: rename_all
-- changes: server_fact
-- rows: name text, value text
UPDATE server_fact SET value = r.value FROM {rows} r WHERE server_fact.name = r.name;

-- name: take_all
-- changes: server_fact
-- rows: name text, value text
DELETE FROM server_fact WHERE (name, value) IN (SELECT r.name, r.value FROM {rows} r);

-- name: rename_these
-- changes: server_fact
-- lists: names text
UPDATE server_fact SET value = :value WHERE name IN {names};

-- name: take_these
-- changes: server_fact
-- lists: names text
DELETE FROM server_fact WHERE name IN {names};

-- name: lock_these
-- rows: name text
SELECT f.name, f.value FROM server_fact f WHERE (f.name) IN (SELECT r.name FROM {rows} r) ORDER BY f.name {for_update};

-- name: put_each
-- rows: name text, value text
INSERT INTO server_fact (name, value) SELECT r.name, r.value FROM {rows} r RETURNING name, value;

-- name: put_organizations
-- rows: id bigint, name text, application_id text, created_at bigint
INSERT INTO organization (id, name, application_id, created_at, modified_at)
SELECT r.id, r.name, r.application_id, r.created_at, r.created_at FROM {rows} r;

-- name: organizations
SELECT id, name FROM organization ORDER BY id;

-- name: values_of
-- apart: rows
-- rows: name text, number bigint
SELECT f.name, f.value, r.number FROM {rows} r JOIN server_fact f ON f.name = r.name;

-- name: tokens
-- rows: token bigint
SELECT {token:r} AS token FROM {rows} r;

-- name: types
-- rows: big bigint, small int, words text, share float
SELECT r.big, r.small, r.words, r.share FROM {rows} r;
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A folder whose probe.sql works on the real table `server_fact`."""
    folder = tmp_path / "statements"
    folder.mkdir()
    (folder / "probe.sql").write_text(PROBE)
    return folder


@pytest.fixture
async def sqlite_probe(tmp_path: Path, directory: Path) -> AsyncIterator[SqliteDatabase]:
    opened = await SqliteDatabase.open(tmp_path / "probe.db", directory=directory)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres_probe(postgres_dsn: str, directory: Path) -> AsyncIterator[PostgresDatabase]:
    opened = await PostgresDatabase.open(
        postgres_dsn, writers=2, readers=1, allow_unsafe_durability=FSYNC == "off", directory=directory
    )
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def probe(request: pytest.FixtureRequest) -> Database:
    """A fresh database of each kind with the statements of `directory`."""
    found: Database = request.getfixturevalue(f"{request.param}_probe")
    return found


@pytest.fixture
async def wide_postgres(postgres_dsn: str) -> AsyncIterator[Database]:
    """A PostgreSQL database with a connection for each of the eight contenders."""
    opened = await PostgresDatabase.open(
        postgres_dsn, writers=8, readers=2, allow_unsafe_durability=FSYNC == "off",
        read_seconds=PATIENCE, write_seconds=PATIENCE,
    )  # fmt: skip
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def contended(request: pytest.FixtureRequest) -> Database:
    known = {"sqlite": "sqlite_database", "postgres": "wide_postgres"}
    found: Database = request.getfixturevalue(known[request.param])
    return found
