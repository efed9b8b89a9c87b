"""Databases of the tests' PostgreSQL that are migrated and have no rows. A test takes one, and gives it back.

To delete the rows of a test takes a tenth of the time of another copy of the template. A database that a test has left
different in anything but rows is not used again.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from tests.postgres import PostgresServer

# Deleted rows stay in their files until a vacuum, and later tests would read past them.
_GROWTH: Final = 1 << 20  # bytes
_CATALOGS: Final = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_proc", "pg_statistic",
    "pg_namespace", "pg_extension", "pg_db_role_setting",
)  # fmt: skip
# Rows that were added or changed have a later transaction than all others, and rows that were removed are missing.
_SCHEMA: Final = " UNION ALL ".join(f"SELECT count(*), max(xmin::text::bigint) FROM {name}" for name in _CATALOGS)
_OF_TABLES: Final = "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
_SIZE: Final = f"SELECT sum(pg_relation_size(oid)) {_OF_TABLES}"
_TABLES: Final = f"SELECT relname {_OF_TABLES}"
_RESTART: Final = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
_END_OTHERS: Final = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@dataclass(slots=True)
class Clean:
    """A database with its schema, its size and its rows before the first test, and a connection to it."""

    name: str
    connection: Any
    schema: list[Any]
    size: int
    kept: dict[str, list[Any]]  # the rows of each table that is not empty
    delete: str

    @classmethod
    async def of(cls, server: PostgresServer, name: str) -> "Clean":
        connection = await asyncpg.connect(server.dsn(name))
        rows = {table: await connection.fetch(f"TABLE {table}") for (table,) in await connection.fetch(_TABLES)}
        deletes = [f"DELETE FROM {table}" for table, found in rows.items() if not found]
        # In this role no foreign key and no trigger is looked at.
        clear = ["BEGIN", "SET LOCAL session_replication_role = replica", *deletes, _RESTART, "COMMIT"]
        return cls(
            name, connection, await connection.fetch(_SCHEMA), await connection.fetchval(_SIZE),
            {table: found for table, found in rows.items() if found}, ";".join(clear),
        )  # fmt: skip

    async def clear(self) -> bool:
        """The database is as before the first test. Returns False if it cannot be."""
        try:
            await self.connection.execute(_END_OTHERS)
            if await self.connection.fetch(_SCHEMA) != self.schema:
                return False
            if await self.connection.fetchval(_SIZE) > self.size + _GROWTH:
                return False
            await self.connection.execute(self.delete)
            return all([await self.connection.fetch(f"TABLE {table}") == rows for table, rows in self.kept.items()])
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False


class CleanDatabases:
    """Copies of a template. Their connections stay open over all tests, on an event loop of their own."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server, self._template = server, template
        self._loop = asyncio.new_event_loop()
        self._free: list[Clean] = []

    def take(self) -> Clean:
        """Returns a database that nobody else uses."""
        return self._free.pop() if self._free else self._loop.run_until_complete(self._copy())

    def give_back(self, used: Clean) -> None:
        """The database is clean again, or gone."""
        if self._loop.run_until_complete(used.clear()):
            self._free.append(used)
        else:
            used.connection.terminate()
            self._loop.run_until_complete(self._server.drop(used.name))

    def close(self) -> None:
        """No connection is left."""
        while self._free:
            self._free.pop().connection.terminate()
        self._loop.close()

    async def _copy(self) -> Clean:
        return await Clean.of(self._server, await self._server.create(self._template))
