import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import PostgresServer

from enginehouse.storage import inspection
from enginehouse.storage.database.database import Row, StorageRefused
from enginehouse.storage.database.migrate import Migration, MigrationConnection, available, migrate
from enginehouse.storage.database.sql import STORAGE, script, statements
from enginehouse.storage.database.sql_text import BadStatement
from enginehouse.storage.database.sql_words import Dialect

FIRST = Migration(1, "begin", "CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT NOT NULL);")
SECOND = Migration(2, "second", "ALTER TABLE thing ADD COLUMN size BIGINT;\nCREATE INDEX thing_word ON thing (word);")
BROKEN = Migration(2, "second", "ALTER TABLE thing ADD COLUMN size BIGINT;\nINSERT INTO nowhere VALUES (1);")


def _parts(sql: str) -> str:
    """A definition with its parts sorted: SQLite writes an added column after the table's constraints."""
    head, _, body = " ".join(sql.split()).partition("(")
    parts, depth = [""], 0
    for letter in body:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return f"{head}({', '.join(sorted(part.strip(' )') for part in parts))}"


class Sqlite:
    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.raw = sqlite3.connect(path, isolation_level=None)

    async def execute(self, text: str) -> list[Row]:
        return self.raw.execute(text).fetchall()

    async def catalog(self) -> set[Row]:
        """Every table with its columns, every index with its columns, and the words of their definitions."""
        rows = await self.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
        columns = [
            ("column", table, *column)
            for kind, table, _, _ in rows
            if kind == "table"
            for column in await self.execute(f"PRAGMA table_info({table})")
        ]
        return {(kind, name, table, _parts(sql or "")) for kind, name, table, sql in rows} | {*columns}


class Postgres:
    dialect: Dialect = "postgres"

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    async def execute(self, text: str) -> list[Row]:
        return [tuple(record) for record in await self.raw.fetch(text)]

    async def catalog(self) -> set[Row]:
        """Every column, constraint, index and sequence as PostgreSQL itself describes it."""
        questions = (
            """SELECT 'column', table_name, column_name, ordinal_position::text, data_type, is_nullable, column_default,
            is_identity FROM information_schema.columns WHERE table_schema = 'public'""",
            """SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace""",
            "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT 'sequence', sequencename, data_type::text, increment_by::text FROM pg_sequences",
        )
        return {row for question in questions for row in await self.execute(question)}


@pytest.fixture(params=["sqlite", "postgres"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Any]]:
    """Two empty databases of one kind, without a schema."""
    if request.param == "sqlite":
        both = [Sqlite(tmp_path / f"{n}.db") for n in range(2)]
        yield both
        for connection in both:
            connection.raw.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    names = [await server.create() for _ in range(2)]
    yield [Postgres(await asyncpg.connect(server.dsn(name))) for name in names]
    for name in names:
        await server.drop(name)


async def versions(connection: MigrationConnection) -> list[Row]:
    return await connection.execute("SELECT version, name FROM schema_migration ORDER BY version")


async def run(connection: MigrationConnection, texts: Sequence[str]) -> None:
    for text in texts:
        await connection.execute(text)


async def test_the_schema_file_is_all_migrations_together(empty: list[Any]) -> None:
    migrated, whole = empty
    await migrate(migrated, available())
    await run(whole, script((STORAGE / "schema.sql").read_text(), whole.dialect, "schema.sql"))
    await migrate(whole, [])  # the runner's own table
    assert len(await whole.catalog()) > 100
    assert await migrated.catalog() == await whole.catalog()


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The .sql files of a storage with a later schema: a column and an index are new."""
    (tmp_path / "migrations").mkdir()
    index = "CREATE INDEX server_fact_noted ON server_fact (noted_at);"
    noted = Migration(len(available()) + 1, "noted", f"ALTER TABLE server_fact ADD noted_at BIGINT;\n{index}")
    for migration in [*available(), noted]:
        (tmp_path / "migrations" / f"{migration.version:04}_{migration.name}.sql").write_text(migration.text)
    schema, fact = (STORAGE / "schema.sql").read_text(), "TABLE server_fact (name TEXT PRIMARY KEY, value TEXT NOT NULL"
    assert fact in schema
    (tmp_path / "schema.sql").write_text(schema.replace(fact, f"{fact}, noted_at BIGINT") + index)
    return tmp_path


async def test_a_schema_that_changes_is_brought_up_to_its_file(empty: list[Any], changed: Path) -> None:
    migrated, whole = empty
    await migrate(migrated, available())
    await migrated.execute("INSERT INTO server_fact VALUES ('kept', 'yes')")
    await migrate(migrated, available(changed))
    assert [name for _, name in await versions(migrated)] == [*(each.name for each in available()), "noted"]
    assert await migrated.execute("SELECT * FROM server_fact") == [("kept", "yes", None)]
    await run(whole, script((changed / "schema.sql").read_text(), whole.dialect, "schema.sql"))
    await migrate(whole, [])
    assert await migrated.catalog() == await whole.catalog()


async def test_a_change_without_its_migration_is_seen(empty: list[Any], changed: Path) -> None:
    migrated, whole = empty
    await migrate(migrated, available(changed)[:-1])
    await run(whole, script((changed / "schema.sql").read_text(), whole.dialect, "schema.sql"))
    await migrate(whole, [])
    words = {word for row in await whole.catalog() ^ await migrated.catalog() for word in row}
    assert words >= {"noted_at", "server_fact_noted"}


def test_a_schema_that_never_changed_is_its_only_migration(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text(FIRST.text)
    assert available(tmp_path) == [Migration(1, "schema", FIRST.text)]


async def test_a_difference_between_schema_and_migrations_is_seen(empty: list[Any]) -> None:
    first, other = empty
    await migrate(first, [FIRST])
    await migrate(other, [Migration(1, "begin", FIRST.text.replace(" NOT NULL", ""))])
    assert await first.catalog() != await other.catalog()


async def test_migrations_run_in_order_and_once(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST])
    await database.execute("INSERT INTO thing VALUES (1, 'kept')")
    for _ in range(2):
        await migrate(database, [FIRST, SECOND])
    assert await versions(database) == [(1, "begin"), (2, "second")]
    assert await database.execute("SELECT id, word, size FROM thing") == [(1, "kept", None)]
    assert (await database.execute("SELECT min(applied_at) FROM schema_migration"))[0][0] > 1_700_000_000_000_000


async def test_a_failed_migration_leaves_nothing_of_itself_and_is_resumed(empty: list[Any]) -> None:
    database = empty[0]
    with pytest.raises(Exception, match="nowhere"):
        await migrate(database, [FIRST, BROKEN])
    assert await versions(database) == [(1, "begin")]
    with pytest.raises(Exception, match="size"):
        await database.execute("SELECT size FROM thing")
    await migrate(database, [FIRST, SECOND])
    assert await versions(database) == [(1, "begin"), (2, "second")]


async def test_an_older_program_refuses_a_newer_schema(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST, SECOND])
    with pytest.raises(StorageRefused, match=r"newer Enginehouse.*at version 2.*up to 1"):
        await migrate(database, [FIRST])
    assert await versions(database) == [(1, "begin"), (2, "second")]


async def test_a_database_with_another_history_is_refused(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST])
    with pytest.raises(StorageRefused, match='"begin" instead of "other"'):
        await migrate(database, [Migration(1, "other", FIRST.text), SECOND])


@pytest.mark.parametrize("names", [["first"], ["first", "managing"], ["first", "managing", "schedules"]])
async def test_a_database_of_a_development_version_is_refused(empty: list[Any], names: list[str]) -> None:
    database = empty[0]
    await migrate(database, [Migration(number, name, "") for number, name in enumerate(names, 1)])
    with pytest.raises(
        StorageRefused, match=r"made by a development version .* before 0\.1\.0.*Start with an empty one"
    ):
        await migrate(database, available())
    assert await versions(database) == list(enumerate(names, 1))


async def test_an_inspection_refuses_a_database_of_a_development_version_too(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    name, path = await postgres.create(), tmp_path / "old.db"
    for database in (Sqlite(path), Postgres(await asyncpg.connect(postgres.dsn(name)))):
        await migrate(database, available())
        await database.execute("UPDATE schema_migration SET name = 'first'")
    with pytest.raises(StorageRefused, match="made by a development version"):
        inspection.sqlite(path)
    with pytest.raises(StorageRefused, match="made by a development version"):
        await inspection.postgres(postgres.dsn(name))
    await postgres.drop(name)


async def test_two_servers_starting_at_once_apply_each_migration_once(postgres: PostgresServer) -> None:
    name = await postgres.create()
    both = [Postgres(await asyncpg.connect(postgres.dsn(name))) for _ in range(2)]
    await asyncio.gather(*(migrate(connection, [FIRST, SECOND]) for connection in both))
    assert await versions(both[0]) == [(1, "begin"), (2, "second")]
    await postgres.drop(name)


async def test_every_named_statement_fits_the_schema(empty: list[Any]) -> None:
    """The database itself prepares each statement, so this test finds a wrong table, column or word."""
    database = empty[0]
    await migrate(database, available())
    wrong: list[str] = []
    for name, statement in statements(database.dialect).items():
        for text in {statement.text, statement.each} - {""}:
            try:
                if database.dialect == "postgres":
                    await database.raw.prepare(text)
                else:
                    rows = [None] * (len(statement.columns) if text == statement.text else 1)
                    database.raw.execute(
                        f"EXPLAIN {text}", rows if statement.columns else dict.fromkeys(statement.params)
                    )
            except (sqlite3.Error, asyncpg.PostgresError) as error:
                wrong.append(f"{name}: {error}")
    assert wrong == []


@pytest.mark.parametrize("names", [["0002_late.sql"], ["0001_a.sql", "0003_c.sql"], ["first.sql"], ["0001_.sql"]])
def test_a_gap_or_a_wrong_name_is_refused(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "migrations").mkdir()
    for name in names:
        (tmp_path / "migrations" / name).write_text("SELECT 1;")
    with pytest.raises(BadStatement, match=r"expected 000\d_<name>\.sql"):
        available(tmp_path)
