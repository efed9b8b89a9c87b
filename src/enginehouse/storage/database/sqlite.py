"""Opens and reads a SQLite file, and keeps it for one server."""

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.channels import Channels
from enginehouse.storage.database.clock import Clock, Steady
from enginehouse.storage.database.database import Row, StorageRefused, Tx
from enginehouse.storage.database.facts import OnCommit
from enginehouse.storage.database.migrate import Migration, available, migrate
from enginehouse.storage.database.sql import STORAGE, Statements, statements
from enginehouse.storage.database.sql_words import Dialect
from enginehouse.storage.database.sqlite_writer import Fencing, SqliteTx, Work, Writer, drive, translated

T = TypeVar("T")

OLDEST: Final = (3, 35, 0)
# A sort that is larger than the cache goes to a file, so that no list takes the more memory the more jobs there are.
_EVERY: Final = ("PRAGMA busy_timeout = 5000", "PRAGMA temp_store = FILE")
# A full disk or a lost host must not lose confirmed data: WAL with synchronous=FULL syncs at every commit.
_WRITING: Final = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16384",  # KiB
)
# Each reader has a cache of its own. What it does not hold is in the file cache of the system: larger caches take
# memory, and no less time (docs/decisions/0066).
_READING: Final = ("PRAGMA query_only = ON", "PRAGMA cache_size = -2048")


class SqliteDatabase:
    """A SQLite file with one writer thread, a few readers, and a connection of the event loop for short reads."""

    dialect: str = "sqlite"

    def __init__(
        self, path: Path, lock: int, connection: sqlite3.Connection, *, clock: Clock, named: Statements, readers: int
    ) -> None:
        self._path = path
        self._lock = lock
        self._connection = connection
        self._clock = clock
        self._statements = named
        self._loop = asyncio.get_running_loop()
        self._channels = Channels()
        self._opened: list[sqlite3.Connection] = []
        self._peeking = self._reading_connection()
        self._thread = threading.local()
        self._readers = ThreadPoolExecutor(readers, "sqlite-reader")
        self._writer = Writer(connection, named, clock, Fencing(_only(connection, "fencing", "value")), self._loop)
        self._closed = False

    @property
    def on_commit(self) -> OnCommit:
        return self._writer.on_commit

    @on_commit.setter
    def on_commit(self, listener: OnCommit) -> None:
        self._writer.on_commit = listener

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Callable[[], int] | None = None,
        directory: Traversable = STORAGE,
        migrations: Sequence[Migration] | None = None,
        readers: int = 2,
        forget_clock: bool = False,
    ) -> "SqliteDatabase":
        """Returns the file at `path`, created if it is missing, migrated, and locked until `close`.

        `clock` returns microseconds UTC and may go back; `directory` holds the .sql files. With `forget_clock` the
        storage clock begins at `clock`, even if it was later before: only to reset it. Raises StorageRefused if
        another server uses the file, if it is newer than this program, or if it cannot be opened.
        """
        if sqlite3.sqlite_version_info < OLDEST:
            raise StorageRefused(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed.")
        lock = _own(path)
        try:
            connection = _connect(path, _WRITING)
            await migrate(_SqliteMigration(connection), available() if migrations is None else migrations)
            last = 0 if forget_clock else _only(connection, "storage_clock", "micros")
            named = statements("sqlite", directory)
            return cls(path, lock, connection, clock=Clock(clock or Steady(), last), named=named, readers=readers)
        except sqlite3.Error as error:
            os.close(lock)
            raise StorageRefused(f"The database {path} cannot be opened: {error}.") from error
        except BaseException:
            os.close(lock)
            raise

    async def write(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, urgent: bool = False
    ) -> T:
        return await self._queue(work, under_barrier=False)

    async def write_work(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, reads_clock: bool = False
    ) -> T:
        return await self._queue(work, under_barrier=True)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        if self._closed:
            raise Unavailable("The database is closed.")
        answer: T = await self._loop.run_in_executor(self._readers, self._read_in_thread, work)
        return answer

    async def peek(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        if self._closed:
            raise Unavailable("The database is closed.")
        answer: T = self._snapshot(self._peeking, work)
        return answer

    async def glance(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        if self._closed:
            raise Unavailable("The database is closed.")
        tx = SqliteTx(self._peeking, self._statements, self._clock, None)
        tx.now = self._clock.look()
        try:
            answer: T = drive(work, tx)
        except sqlite3.Error as error:
            raise translated(error) from error.__cause__
        return answer

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - the seam's own signature
        return await self._channels.wait(channel, timeout)

    def notify(self, channel: str) -> None:
        self._channels.notify(channel)

    def notify_others(self, channel: str) -> None: ...

    async def close(self) -> None:
        """All queued work is committed, the file is checkpointed, and another server may open it."""
        if self._closed:
            return
        self._closed = True
        await self._loop.run_in_executor(None, self._close)
        self._channels.notify_all()

    async def _queue(self, work: Callable[[Tx], Awaitable[T]], *, under_barrier: bool) -> T:
        if self._closed:
            raise Unavailable("The database is closed.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._writer.put(work, future, under_barrier=under_barrier)
        return await future

    def _close(self) -> None:
        self._writer.stop()
        self._readers.shutdown()
        for connection in (*self._opened, self._connection):
            connection.close()
        os.close(self._lock)

    def _read_in_thread(self, work: Work) -> Any:
        connection: sqlite3.Connection | None = getattr(self._thread, "connection", None)
        if connection is None:
            connection = self._thread.connection = self._reading_connection()
        return self._snapshot(connection, work)

    def _snapshot(self, connection: sqlite3.Connection, work: Work) -> Any:
        tx = SqliteTx(connection, self._statements, self._clock, None)
        tx.now = self._clock.look()
        try:
            connection.execute("BEGIN")
            try:
                return drive(work, tx)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise translated(error) from error.__cause__

    def _reading_connection(self) -> sqlite3.Connection:
        connection = _connect(self._path, _READING)
        self._opened.append(connection)
        return connection


class _SqliteMigration:
    """The writing connection for `migrate`, before the writer thread owns it."""

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, text: str) -> list[Row]:
        return self._connection.execute(text).fetchall()


def _own(path: Path) -> int:
    """Locks the lock file beside `path` until it is closed or this process ends in any way. Returns its descriptor."""
    beside = path.with_name(path.name + ".lock")
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageRefused(f"The database {path} cannot be opened: {error}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StorageRefused(
            f"The database {path} is in use by another Enginehouse server (process {owner}). "
            "Stop that one, or give this one a data folder of its own."
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _connect(path: Path, pragmas: Sequence[str]) -> sqlite3.Connection:
    # One thread at a time uses each connection; the check would only prevent the closing of all at the end.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=1024)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        connection.close()
        raise StorageRefused(
            f"The disk under {path} cannot hold a write-ahead log; put the data folder on a local one."
        )
    for pragma in (*_EVERY, *pragmas):
        connection.execute(pragma)
    return connection


def _only(connection: sqlite3.Connection, table: str, column: str) -> int:
    """Returns the number in the only row of `table`; it begins at 0."""
    connection.execute(f"INSERT INTO {table} (id, {column}) VALUES (1, 0) ON CONFLICT DO NOTHING")
    value: int = connection.execute(f"SELECT {column} FROM {table}").fetchone()[0]
    return value
