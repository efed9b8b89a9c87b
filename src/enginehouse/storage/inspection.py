"""Inspects a database without serving it. It writes nothing, and a server may use the database meanwhile."""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from enginehouse.storage import clock_reset, consistency, count_consistency, server_facts
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.seals import Verified
from enginehouse.storage.consistency import Disagreement, ScheduleCheck
from enginehouse.storage.database.clock import Clock, wall_clock
from enginehouse.storage.database.database import Row, StorageRefused, Tx
from enginehouse.storage.database.migrate import APPLIED, available, refuse_development
from enginehouse.storage.database.postgres_tx import PostgresTx, StorageTime
from enginehouse.storage.database.sql import statements
from enginehouse.storage.database.sqlite_writer import SqliteTx, drive
from enginehouse.storage.outbox import check
from enginehouse.storage.outbox.check import OutboxCheck

R = TypeVar("R")

_UNSAFE: Final = {"fsync": ("off",), "full_page_writes": ("off",), "synchronous_commit": ("off",)}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of an inspection. `unsafe` names the settings that may lose confirmed writes.

    `clock_ahead` is how many µs the storage clock is ahead of this machine's clock.
    """

    settings: dict[str, str]
    unsafe: tuple[str, ...]
    schema: int
    known_schema: int
    clock_ahead: int
    jobs: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    sealed: Verified | None = None
    slots: ScheduleCheck | None = None
    store_id: str | None = None
    times_ahead: int = 0  # µs that stored times are in the future
    outbox: OutboxCheck | None = None
    key_check: str | None = None  # the text that recognizes the secret key of the database's servers
    miscounts: list[str] = field(default_factory=list)


def sqlite(path: Path) -> Inspection:
    """Inspects the SQLite file, read only. Raises StorageRefused if it cannot be read."""
    with _sqlite_read(path) as tx:
        return _sqlite(tx)


async def postgres(url: str) -> Inspection:
    """Inspects the PostgreSQL database in one read-only transaction. Raises StorageRefused if it cannot be read."""
    async with _postgres_read(url) as connection:
        return await _postgres(connection)


def sqlite_read(path: Path, verb: Callable[[Tx], Awaitable[R]]) -> R:
    """Returns what the function reads from the SQLite file. Raises StorageRefused if it cannot be read."""
    with _sqlite_read(path) as connection:
        result: R = drive(verb, _sqlite_tx(connection))
        return result


async def postgres_read(url: str, verb: Callable[[Tx], Awaitable[R]]) -> R:
    """The same for a PostgreSQL database."""
    async with _postgres_read(url) as connection:
        return await verb(_postgres_tx(connection))


@contextmanager
def _sqlite_read(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageRefused(f"The database {path} cannot be read: {error}.") from error


@asynccontextmanager
async def _postgres_read(url: str) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise StorageRefused(f"The database cannot be reached: {error}.") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    except asyncpg.PostgresError as error:
        raise StorageRefused(f"The database cannot be read: {error}.") from error
    finally:
        await connection.close()


def _sqlite_tx(connection: sqlite3.Connection) -> SqliteTx:
    return SqliteTx(connection, statements("sqlite"), Clock(wall_clock, _last(connection)), None)


def _postgres_tx(connection: Any) -> PostgresTx:
    return PostgresTx(connection, statements("postgres"), StorageTime())


def _last(connection: sqlite3.Connection) -> int:
    last: int = connection.execute("SELECT COALESCE(MAX(micros), 0) FROM storage_clock").fetchone()[0]
    return last


def _sqlite(connection: sqlite3.Connection) -> Inspection:
    mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    tx = _sqlite_tx(connection)
    schema = _version(connection.execute(APPLIED).fetchall())
    # `synchronous` belongs to a connection, not to the file: a server sets FULL.
    settings = {"journal_mode": mode, "synchronous": "FULL", "sqlite": sqlite3.sqlite_version}
    unsafe = () if mode == "wal" else ("journal_mode",)
    ahead = _last(connection) - wall_clock()
    found = Inspection(settings, unsafe, schema, len(available()), ahead)
    whole: Inspection = drive(lambda tx: _with_contents(tx, found), tx)
    return whole


async def _postgres(connection: Any) -> Inspection:
    settings = {name: await connection.fetchval(f"SHOW {name}") for name in (*_UNSAFE, "server_version")}
    ahead = await connection.fetchval("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)")
    ahead -= time.time_ns() // 1000
    schema = _version([tuple(record) for record in await connection.fetch(APPLIED)])
    unsafe = tuple(name for name, values in _UNSAFE.items() if settings[name] in values)
    found = Inspection(settings, unsafe, schema, len(available()), ahead)
    return await _with_contents(_postgres_tx(connection), found)


def _version(rows: Sequence[Row]) -> int:
    applied: dict[int, str] = dict(rows)
    refuse_development(applied)
    return max(applied, default=0)


async def _with_contents(tx: Tx, found: Inspection) -> Inspection:
    """Adds the checks of the rows; none if the schema version is not the one of this program's statements."""
    if found.schema != found.known_schema:
        return found
    looked, wrong = await consistency.check_jobs(tx)
    now = await tx.read_clock()
    return replace(
        found,
        jobs=looked,
        disagreements=wrong,
        miscounts=await count_consistency.check_counts(tx),
        sealed=await seals.verify(tx),
        slots=await consistency.check_schedules(tx, now=now),
        times_ahead=await clock_reset.ahead(tx, now),
        outbox=await check.check(tx, now),
        store_id=await server_facts.store_id(tx),
        key_check=await server_facts.secret_key_check(tx),
    )
