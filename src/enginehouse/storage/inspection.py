"""A database looked at without serving it: nothing is written, and a server may be at work on it meanwhile."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from enginehouse.storage import audit
from enginehouse.storage.audit import Disagreement
from enginehouse.storage.clock import Clock, wall_clock
from enginehouse.storage.database import StorageRefused, Tx
from enginehouse.storage.migrate import available
from enginehouse.storage.postgres_tx import PostgresTx, StorageTime
from enginehouse.storage.sql import statements
from enginehouse.storage.sqlite_writer import SqliteTx, drive

T = TypeVar("T")

_VERSION: Final = "SELECT COALESCE(MAX(version), 0) FROM schema_migration"
_UNSAFE: Final = {"fsync": ("off",), "full_page_writes": ("off",), "synchronous_commit": ("off",)}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `unsafe` names the settings under which an acknowledged write may be lost.

    `clock_ahead` is by how many µs the storage clock is ahead of this machine's.
    """

    settings: dict[str, str]
    unsafe: tuple[str, ...]
    schema: int
    known_schema: int
    clock_ahead: int
    jobs: int
    disagreements: list[Disagreement] = field(default_factory=list)


def sqlite(path: Path) -> Inspection:
    """The SQLite file, read only. Raises StorageRefused when it cannot be read."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            return _sqlite(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageRefused(f"The database {path} cannot be read: {error}.") from error


def _sqlite(connection: sqlite3.Connection) -> Inspection:
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    last = connection.execute("SELECT COALESCE(MAX(micros), 0) FROM storage_clock").fetchone()[0]
    tx = SqliteTx(connection, statements("sqlite"), Clock(wall_clock, last), None)
    connection.execute("BEGIN")
    looked, wrong = drive(audit.statuses, tx)
    schema = connection.execute(_VERSION).fetchone()[0]
    # `synchronous` belongs to a connection, not to the file: what counts is what a server sets, which is FULL.
    settings = {"journal_mode": mode, "synchronous": "FULL", "sqlite": sqlite3.sqlite_version}
    unsafe = () if mode == "wal" else ("journal_mode",)
    return Inspection(settings, unsafe, schema, len(available()), last - wall_clock(), looked, wrong)


async def postgres(url: str) -> Inspection:
    """The PostgreSQL database, in one read-only transaction. Raises StorageRefused when it cannot be read."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise StorageRefused(f"The database cannot be reached: {error}.") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _postgres(connection)
    except asyncpg.PostgresError as error:
        raise StorageRefused(f"The database cannot be read: {error}.") from error
    finally:
        await connection.close()


async def _postgres(connection: Any) -> Inspection:
    settings = {name: await connection.fetchval(f"SHOW {name}") for name in (*_UNSAFE, "server_version")}
    ahead = await connection.fetchval("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
    ahead -= time.time_ns() // 1000
    looked, wrong = await _audit(PostgresTx(connection, statements("postgres"), StorageTime()), audit.statuses)
    schema = await connection.fetchval(_VERSION)
    unsafe = tuple(name for name, values in _UNSAFE.items() if settings[name] in values)
    return Inspection(settings, unsafe, schema, len(available()), ahead, looked, wrong)


async def _audit(tx: Tx, work: Callable[[Tx], Awaitable[T]]) -> T:
    return await work(tx)
