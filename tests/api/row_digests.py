"""Digests of everything that an organization has in the tables of a database, to see that a call changes none of it."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Final, Protocol

import asyncpg

# The rows of an organization in a table with this name or this column; the first one counts.
OWNERS: Final = {
    "organization": "id = {owner}",
    "organization_id": "organization_id = {owner}",
    "job_id": "job_id IN (SELECT id FROM job WHERE organization_id = {owner})",
    "scheduled_job_id": "scheduled_job_id IN (SELECT id FROM scheduled_job WHERE organization_id = {owner})",
    "schedule_id": "schedule_id IN (SELECT id FROM scheduled_job WHERE organization_id = {owner})",
}
_COLUMNS: Final = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"


class RowDigests(Protocol):
    """Tells the contents of two moments apart."""

    async def __call__(self, organization: int) -> dict[str, str]:
        """Returns a digest of each table: of the rows of the organization, and of its jobs and schedules."""
        ...


class SqliteRows:
    """The tables of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __call__(self, organization: int) -> dict[str, str]:
        with sqlite3.connect(self._path) as connection:
            found = connection.execute(
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            )
            digests = {}
            for table, rule in _owned(found.fetchall(), organization).items():
                rows = connection.execute(f"SELECT * FROM {table} WHERE {rule}").fetchall()
                digests[table] = hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
            return digests


class PostgresRows:
    """The tables behind a connection. One statement digests them all."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._columns: list[tuple[str, str]] = []

    async def __call__(self, organization: int) -> dict[str, str]:
        self._columns = self._columns or [(table, name) for table, name in await self._connection.fetch(_COLUMNS)]
        owned = _owned(self._columns, organization)
        digests = " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(o::text, '|' ORDER BY o::text)) FROM {table} o WHERE {rule}"
            for table, rule in owned.items()
        )
        return {table: digest or "" for table, digest in await self._connection.fetch(digests)}


def _owned(columns: list[tuple[str, str]], organization: int) -> dict[str, str]:
    """Returns the condition for the rows of the organization, for each table that can have some."""
    tables: dict[str, set[str]] = {}
    for table, column in columns:
        tables.setdefault(table, {table}).add(column)
    rules = {
        table: next((rule for name, rule in OWNERS.items() if name in names), None) for table, names in tables.items()
    }
    return {table: rule.format(owner=organization) for table, rule in rules.items() if rule is not None}
