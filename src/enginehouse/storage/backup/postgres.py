"""A snapshot of a PostgreSQL database: every table by COPY in one transaction, and an empty database filled from it.

No program of PostgreSQL is needed, so the versions of such programs do not matter either.
"""

import graphlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg
import msgspec

from enginehouse.storage import server_facts
from enginehouse.storage.backup.snapshot import Add, SnapshotFacts, facts_of
from enginehouse.storage.database.database import StorageRefused, Tx
from enginehouse.storage.database.migrate import APPLIED, RECORD, available, readable, schema_of
from enginehouse.storage.database.postgres_tx import PostgresTx, StorageTime
from enginehouse.storage.database.sql import statements

R = TypeVar("R")

TABLES: Final = "tables.json"
_CHUNK: Final = 8 << 20
_MADE: Final = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)")
_COLUMNS: Final = """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attgenerated = ''
GROUP BY c.relname"""
_REFERENCES: Final = """SELECT conrelid::regclass::text, confrelid::regclass::text
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conrelid <> confrelid"""
_SEQUENCES: Final = """SELECT sequencename::text, last_value
FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY sequencename"""
_OCCUPIED: Final = """SELECT relname::text FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY relname LIMIT 3"""
# The lock of the migrations: a server that starts meanwhile waits for the end.
_ALONE: Final = "SELECT pg_advisory_xact_lock(7306641219830243433)"


class TableContent(msgspec.Struct, frozen=True):
    """A table of a snapshot: its columns in the order of its parts."""

    name: str
    columns: list[str]


class Tables(msgspec.Struct, frozen=True):
    """What a snapshot holds: its tables, those that others refer to first, and the last number of each sequence."""

    tables: list[TableContent]
    sequences: dict[str, int]


class PostgresSnapshot:
    """A transaction that sees one state of the database. It holds back nobody."""

    def __init__(self, connection: Any, tx: PostgresTx, facts: SnapshotFacts) -> None:
        self._connection = connection
        self._tx = tx
        self.facts = facts

    async def read(self, verb: Callable[[Tx], Awaitable[R]]) -> R:
        return await verb(self._tx)

    async def save(self, add: Add) -> None:
        # A sequence is in no snapshot. It only grows, so what is read now is enough for every row of ours.
        sequences = dict(map(tuple, await self._connection.fetch(_SEQUENCES)))
        tables = Tables(await self._tables(), sequences)
        listed = msgspec.json.encode(tables)
        add(TABLES, len(listed), [listed])
        for table in tables.tables:
            await self._copy(table, add)

    async def _tables(self) -> list[TableContent]:
        """Returns our tables in an order in which they can be filled."""
        ours = {name for migration in available() for name in _MADE.findall(migration.text + RECORD)}
        columns = {name: list(names) for name, names in await self._connection.fetch(_COLUMNS) if name in ours}
        order = graphlib.TopologicalSorter[str](dict.fromkeys(sorted(columns), ()))
        for name, needed in await self._connection.fetch(_REFERENCES):
            order.add(name, needed)
        return [TableContent(name, columns[name]) for name in order.static_order() if name in columns]

    async def _copy(self, table: TableContent, add: Add) -> None:
        waiting, number = bytearray(), 0

        def send() -> None:
            nonlocal number
            number += 1
            add(f"{table.name}/{number:06}", len(waiting), [bytes(waiting)])
            waiting.clear()

        async def take(data: bytes) -> None:
            waiting.extend(data)
            if len(waiting) >= _CHUNK:
                send()

        await self._connection.copy_from_table(table.name, columns=table.columns, output=take)
        if waiting:
            send()


@asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[PostgresSnapshot]:
    """Yields a snapshot of the database. Raises StorageRefused if it cannot be read, or is not of this program."""
    async with _connected(dsn) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        schema = readable(dict(map(tuple, await connection.fetch(APPLIED))))
        tx = PostgresTx(connection, statements("postgres"), StorageTime())
        facts = await facts_of(tx, "postgres", schema, await server_facts.store_id(tx))
        yield PostgresSnapshot(connection, tx, facts)


async def refuse_occupied(dsn: str) -> None:
    """Raises StorageRefused unless the database can be reached and has no table."""
    async with _connected(dsn) as connection:
        await _refuse_occupied(connection)


@asynccontextmanager
async def filling(dsn: str, schema: int) -> AsyncIterator["Filling"]:
    """Yields an empty database with this version of the schema. What the block does is committed at its end, or not.

    Raises StorageRefused if the database is not empty.
    """
    async with _connected(dsn) as connection, connection.transaction():
        await connection.execute(_ALONE)
        await _refuse_occupied(connection)
        for statement in [RECORD, *schema_of("postgres", schema)]:
            await connection.execute(statement)
        yield Filling(connection)


class Filling:
    """A database that is filled from the parts of a snapshot, in one transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def begin(self, tables: Tables) -> None:
        """The tables are empty, also of what the schema puts into them, and the sequences go on where they were."""
        names = ", ".join(f'"{table.name}"' for table in tables.tables)
        await self._connection.execute(f"TRUNCATE {names}")
        for name, last in tables.sequences.items():
            await self._connection.execute("SELECT setval(quote_ident($1)::regclass, $2)", name, last)

    async def fill(self, table: TableContent, source: AsyncIterable[bytes]) -> None:
        """The table has the rows of these parts."""
        await self._connection.copy_to_table(table.name, columns=table.columns, source=source)

    async def finish(self, *, place: str) -> None:
        """The database says that its bytes are in `place`, and knows how large its tables are."""
        await self._connection.execute("UPDATE server_fact SET value = $1 WHERE name = 'store_place'", place)
        await self._connection.execute("ANALYZE")


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise StorageRefused(f"PostgreSQL cannot be used: {type(error).__name__}.") from error
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageRefused(f"PostgreSQL has refused this: {error}.") from error
    finally:
        connection.terminate() if connection.is_in_transaction() else await connection.close()


async def _refuse_occupied(connection: Any) -> None:
    found: Sequence[Any] = await connection.fetch(_OCCUPIED)
    if found:
        names = ", ".join(record[0] for record in found)
        raise StorageRefused(f"The database is not empty: it has {names}. Name an empty one.")
