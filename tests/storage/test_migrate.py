import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.postgres import PostgresServer

from enginehouse.domain.event import EventKind
from enginehouse.storage.database.database import Row, StorageRefused
from enginehouse.storage.database.migrate import Connection, Migration, available, migrate
from enginehouse.storage.database.sql import STORAGE, BadStatement, Dialect, script, statements

FIRST = Migration(1, "first", "CREATE TABLE thing (id BIGINT PRIMARY KEY, word TEXT NOT NULL);")
SECOND = Migration(2, "second", "ALTER TABLE thing ADD COLUMN size BIGINT;\nCREATE INDEX thing_word ON thing (word);")
BROKEN = Migration(2, "second", "ALTER TABLE thing ADD COLUMN size BIGINT;\nINSERT INTO nowhere VALUES (1);")


def _parts(sql: str) -> str:
    """A definition with its parts sorted: SQLite writes an added column behind the table's constraints."""
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
        """Every table with its columns, indexes with their columns, and the words of their definitions."""
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
    """Two empty databases of one kind, bare of any schema."""
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


async def versions(connection: Connection) -> list[Row]:
    return await connection.execute("SELECT version, name FROM schema_migration ORDER BY version")


async def run(connection: Connection, texts: Sequence[str]) -> None:
    for text in texts:
        await connection.execute(text)


async def test_the_schema_file_is_all_migrations_together(empty: list[Any]) -> None:
    migrated, whole = empty
    await migrate(migrated, available())
    await run(whole, script((STORAGE / "schema.sql").read_text(), whole.dialect, "schema.sql"))
    await migrate(whole, [])  # the runner's own table
    assert len(await whole.catalog()) > 100
    assert await migrated.catalog() == await whole.catalog()


async def test_a_difference_between_schema_and_migrations_is_seen(empty: list[Any]) -> None:
    first, other = empty
    await migrate(first, [FIRST])
    await migrate(other, [Migration(1, "first", FIRST.text.replace(" NOT NULL", ""))])
    assert await first.catalog() != await other.catalog()


async def test_migrations_run_in_order_and_once(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST])
    await database.execute("INSERT INTO thing VALUES (1, 'kept')")
    for _ in range(2):
        await migrate(database, [FIRST, SECOND])
    assert await versions(database) == [(1, "first"), (2, "second")]
    assert await database.execute("SELECT id, word, size FROM thing") == [(1, "kept", None)]
    assert (await database.execute("SELECT min(applied_at) FROM schema_migration"))[0][0] > 1_700_000_000_000_000


async def test_a_failed_migration_leaves_nothing_of_itself_and_is_resumed(empty: list[Any]) -> None:
    database = empty[0]
    with pytest.raises(Exception, match="nowhere"):
        await migrate(database, [FIRST, BROKEN])
    assert await versions(database) == [(1, "first")]
    with pytest.raises(Exception, match="size"):
        await database.execute("SELECT size FROM thing")
    await migrate(database, [FIRST, SECOND])
    assert await versions(database) == [(1, "first"), (2, "second")]


async def test_an_older_program_refuses_a_newer_schema(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST, SECOND])
    with pytest.raises(StorageRefused, match=r"newer Enginehouse.*at version 2.*up to 1"):
        await migrate(database, [FIRST])
    assert await versions(database) == [(1, "first"), (2, "second")]


async def test_a_database_with_another_history_is_refused(empty: list[Any]) -> None:
    database = empty[0]
    await migrate(database, [FIRST])
    with pytest.raises(StorageRefused, match='"first" instead of "begin"'):
        await migrate(database, [Migration(1, "begin", FIRST.text), SECOND])


async def test_two_servers_starting_at_once_apply_each_migration_once(postgres: PostgresServer) -> None:
    name = await postgres.create()
    both = [Postgres(await asyncpg.connect(postgres.dsn(name))) for _ in range(2)]
    await asyncio.gather(*(migrate(connection, [FIRST, SECOND]) for connection in both))
    assert await versions(both[0]) == [(1, "first"), (2, "second")]
    await postgres.drop(name)


async def test_every_named_statement_fits_the_schema(empty: list[Any]) -> None:
    """Each is prepared by the database itself, so a wrong table, column or word is found here."""
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
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(BadStatement, match=r"expected 000\d_<name>\.sql"):
        available(tmp_path)


async def test_the_history_of_an_older_database_is_told_in_the_words_of_today(empty: list[Any]) -> None:
    database, (first, *later) = empty[0], available()
    await migrate(database, [first])
    for kind, detail in (
        ("created", "NULL"), ("running", "NULL"), ("pending", "NULL"), ("retrying", "'internal_error'"),
        ("complete", "NULL"), ("aborted", "'parent_failed'"), ("cancelled", "NULL"),
    ):  # fmt: skip
        await database.execute(
            f"INSERT INTO event (job_id, ordinal, kind, at, detail) VALUES (1, 0, '{kind}', 0, {detail})"
        )
    await migrate(database, [first, *later])
    found = await database.execute("SELECT kind, detail FROM event ORDER BY id")
    assert [(EventKind(kind), detail) for kind, detail in found] == [
        (EventKind.STARTED, None),
        (EventKind.ATTEMPT_FAILED, '{"reason":"internal_error"}'),
        (EventKind.COMPLETED, None),
        (EventKind.ABORTED, '{"reason":"parent_failed"}'),
    ]
