"""What the owner of the machine does in a database without a server: sets a lost password, resets the clock."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from enginehouse import house_start
from enginehouse.artifacts.disk import DiskStore
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.operations import accounts, storage_clock
from enginehouse.operations.house import House
from enginehouse.operations.permission import OWNER_OF_FILES
from enginehouse.settings import Settings
from enginehouse.storage.clock_reset import Reset
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

T = TypeVar("T")

_PATIENCE: Final = 3600.0  # seconds; a reset may change a million rows


def set_password(data: Path | None, database: str | None, name: str, password: str) -> None:
    """The user has the password. Raises CommandError."""
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as scratch:
        settings = Settings(data=data or Path(scratch), database=database)
        _run(lambda: _set_password(settings, Path(scratch), name, password), data, database)


async def _set_password(settings: Settings, scratch: Path, name: str, password: str) -> None:
    database = await house_start.open_database(settings)
    try:
        store = DiskStore(scratch / "artifacts")
        try:
            await accounts.set_password(House.build(database, store), OWNER_OF_FILES, name, password)
        finally:
            store.close()
    finally:
        await database.close()


def inspect_clock(data: Path | None, database: str | None) -> str | None:
    """Returns how far the storage clock is ahead, with advice; None if it is not ahead. Raises CommandError."""

    async def inspect() -> str | None:
        opened = await _open(data, database)
        try:
            return (await storage_clock.inspect(opened)).advice
        finally:
            await opened.close()

    return _run(inspect, data, database)


def reset_clock(data: Path | None, database: str | None) -> Reset:
    """The storage clock is reset. Raises CommandError."""

    async def reset() -> Reset:
        opened = await _open(data, database, forget_clock=True)
        try:
            return await storage_clock.reset(opened)
        finally:
            await opened.close()

    return _run(reset, data, database)


async def _open(data: Path | None, database: str | None, *, forget_clock: bool = False) -> Database:
    if database is None:
        return await SqliteDatabase.open((data or Path()) / "enginehouse.db", forget_clock=forget_clock)
    return await PostgresDatabase.open(
        database, writers=1, readers=1, write_seconds=_PATIENCE, allow_unsafe_durability=True
    )


def _run(work: Callable[[], Coroutine[Any, Any, T]], data: Path | None, database: str | None) -> T:
    _check_there(data, database)
    try:
        return asyncio.run(work())
    except Refusal as refusal:
        raise CommandError(refusal.message) from None


def _check_there(data: Path | None, database: str | None) -> None:
    if data is not None and database is None and not (data / "enginehouse.db").exists():
        raise CommandError(f"There is no database in {data}. Name the folder of a server with --data.")
