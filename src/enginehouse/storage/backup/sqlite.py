"""A snapshot of a SQLite file: a copy that SQLite makes while a server writes, and a file made again from it."""

import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final, TypeVar

from enginehouse.storage import inspection, server_facts
from enginehouse.storage.backup.snapshot import Add, SnapshotFacts, facts_of
from enginehouse.storage.database.database import StorageRefused, Tx
from enginehouse.storage.database.migrate import APPLIED, readable

R = TypeVar("R")

PART: Final = "enginehouse.db"
_PAGES: Final = 4096  # of one step
_BLOCK: Final = 1 << 20


class SqliteSnapshot:
    """The copy of a file, complete before anything of it is read."""

    def __init__(self, path: Path, facts: SnapshotFacts) -> None:
        self._path = path
        self.facts = facts

    async def read(self, verb: Callable[[Tx], Awaitable[R]]) -> R:
        return inspection.sqlite_read(self._path, verb)

    async def save(self, add: Add) -> None:
        add(PART, self._path.stat().st_size, blocks(self._path))


@asynccontextmanager
async def snapshot(path: Path, room: Path, tell: Callable[[int, int], None]) -> AsyncIterator[SqliteSnapshot]:
    """Yields a snapshot of the file, which is in a folder below `room` until the end of the block.

    `tell` hears how many bytes of how many are copied. Raises StorageRefused if the file cannot be read, or is not of
    this program.
    """
    with tempfile.TemporaryDirectory(prefix=".enginehouse-backup-", dir=room) as folder:
        copy = Path(folder) / PART
        try:
            schema = _copy(path, copy, tell)
        except sqlite3.Error as error:
            raise StorageRefused(f"The database {path} cannot be copied: {error}.") from error
        store_id = inspection.sqlite_read(copy, server_facts.store_id)
        facts = inspection.sqlite_read(copy, lambda tx: facts_of(tx, "sqlite", schema, store_id))
        yield SqliteSnapshot(copy, facts)


def _copy(path: Path, copy: Path, tell: Callable[[int, int], None]) -> int:
    """The copy is one file in one state. Returns the version of its schema."""
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        # The transaction stays open, so that a server that writes between two steps changes nothing of what is copied.
        source.execute("BEGIN")
        schema = readable(dict(source.execute(APPLIED).fetchall()))
        size = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(target, pages=_PAGES, progress=lambda _, left, pages: tell((pages - left) * size, pages * size))
    return schema


def finish(path: Path, *, place: str) -> None:
    """The file, made from a part, is healthy, says that its bytes are in `place`, and is on the disk.

    Raises StorageRefused.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            [wrong] = connection.execute("PRAGMA quick_check(1)").fetchone()
            if wrong != "ok":
                raise StorageRefused(f"The database of the backup is damaged: {wrong}.")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("UPDATE server_fact SET value = ? WHERE name = 'store_place'", (place,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StorageRefused(f"The database of the backup cannot be opened: {error}.") from error
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def blocks(path: Path) -> Iterator[bytes]:
    """Yields the bytes of the file."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
