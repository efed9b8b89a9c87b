"""Opens, checks, writes and reads a PostgreSQL database."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Any, Final, TypeVar

import asyncpg

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.totals import COMMIT_TIME
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.channels import Channels
from enginehouse.storage.database.database import Contended, Row, StorageRefused, Tx
from enginehouse.storage.database.facts import OnCommit, ignore
from enginehouse.storage.database.migrate import Migration, available, migrate
from enginehouse.storage.database.postgres_connections import HELD_AT_MOST, SESSION, TROUBLE, Connections, lost
from enginehouse.storage.database.postgres_listener import Listener
from enginehouse.storage.database.postgres_tx import PostgresTx, StorageTime, lock_key
from enginehouse.storage.database.sql import STORAGE, Statements, statements
from enginehouse.storage.database.sql_words import Dialect
from enginehouse.storage.database.time_limits import Limit

T = TypeVar("T")

OLDEST: Final = 140_000
TRIES: Final = 6
SHARDS: Final = 8  # rows per count, so that two writers seldom change the same row
_WRITE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# The lock must be a separate statement; it only shares the round trip of BEGIN.
_WRITE_WORK: Final = f"{_WRITE}; SELECT pg_advisory_xact_lock_shared({lock_key(barrier_lock.NAME)})"
# A reading connection may be idle for longer in its transactions, which hold no locks.
_BRIEFLY: Final = f"; SET LOCAL idle_in_transaction_session_timeout = {HELD_AT_MOST}"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SETTINGS: Final = """SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num', 'transaction_read_only')"""
_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_CANNOT_OPEN: Final = (*TROUBLE, asyncpg.InterfaceError, ValueError)


class PostgresDatabase:
    """A PostgreSQL database with a few writing connections, a few reading ones, and one for notifications."""

    dialect: str = "postgres"

    def __init__(
        self,
        connections: Connections,
        listener: Listener,
        channels: Channels,
        named: Statements,
        *,
        read_seconds: float,
        write_seconds: float,
    ) -> None:
        self._connections = connections
        self._listener = listener
        self._channels = channels
        self._statements = named
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._time = StorageTime()
        self._turns = itertools.count()
        self.on_commit: OnCommit = ignore
        self._closed = False

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        writers: int = 3,
        readers: int = 4,
        read_seconds: float = 5.0,
        write_seconds: float = 10.0,
        allow_unsafe_durability: bool = False,
        directory: Traversable = STORAGE,
        migrations: Sequence[Migration] | None = None,
    ) -> "PostgresDatabase":
        """Returns the database of `dsn`, checked, migrated and connected.

        A transaction that reads ends within `read_seconds`, one that writes within `write_seconds`. `directory` holds
        the .sql files. Raises StorageRefused if the database is unreachable, too old, newer than this program, or may
        lose confirmed data. No message contains the DSN, which may hold a password.
        """
        try:
            connection = await asyncpg.connect(dsn, server_settings=SESSION, timeout=10)
            try:
                refuse_unsafe(dict(await connection.fetch(_SETTINGS)), allow_unsafe_durability=allow_unsafe_durability)
                await migrate(_PostgresMigration(connection), available() if migrations is None else migrations)
            finally:
                await connection.close()
            connections = await Connections.open(dsn, writers=writers, readers=readers)
        except _CANNOT_OPEN as error:
            raise StorageRefused(f"PostgreSQL cannot be used: {_reason(error)}.") from error
        channels = Channels()
        listener = Listener(connections.connect, channels)
        connections.silenced = listener.reconnect
        named = statements("postgres", directory)
        opened = cls(connections, listener, channels, named, read_seconds=read_seconds, write_seconds=write_seconds)
        await opened.write(lambda tx: tx.read_clock())
        return opened

    async def write(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, urgent: bool = False
    ) -> T:
        return await self._persist(work, under_barrier=False, patience=patience, urgent=urgent)

    async def write_work(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, reads_clock: bool = False
    ) -> T:
        return await self._persist(work, under_barrier=True, patience=patience, reads_clock=reads_clock)

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._read(lambda connection, limit: self._transaction(connection, limit, _READ, work))

    async def peek(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self.read(work)

    async def glance(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._read(lambda connection, _: work(PostgresTx(connection, self._statements, self._time)))

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - the seam's own signature
        self._listener.hear(channel)
        return await self._channels.wait(channel, timeout)

    def notify(self, channel: str) -> None:
        self._channels.notify(channel)
        self._listener.send(channel)

    def notify_others(self, channel: str) -> None:
        self._listener.send(channel)

    async def close(self) -> None:
        """Every running transaction has ended, and every connection is closed."""
        if self._closed:
            return
        self._closed = True
        await self._listener.close()
        await self._connections.close()
        self._channels.notify_all()

    async def _read(self, run: Callable[[Any, Limit], Awaitable[T]]) -> T:
        self._check_open()
        connections = self._connections

        async def attempt(limit: Limit) -> T:
            return await connections.use(connections.readers, limit, lambda connection: run(connection, limit))

        return await connections.within(self._read_seconds, attempt)

    async def _persist(
        self,
        work: Callable[[Tx], Awaitable[T]],
        *,
        under_barrier: bool,
        patience: float | None,
        reads_clock: bool = False,
        urgent: bool = False,
    ) -> T:
        self._check_open()
        shard = next(self._turns) % SHARDS
        begin = _WRITE_WORK if under_barrier else _WRITE
        if urgent:
            begin += _BRIEFLY
        if patience is not None:
            begin += f"; SET LOCAL lock_timeout = {max(1, round(patience * 1000))}"
        connections = self._connections

        async def attempt(limit: Limit) -> T:
            return await connections.use(
                connections.readers if urgent else connections.writers,
                limit,
                lambda connection: self._transaction(
                    connection,
                    limit,
                    begin,
                    work,
                    writes=True,
                    shard=shard,
                    under_barrier=under_barrier,
                    reads_clock=reads_clock,
                ),
            )

        async def attempts(limit: Limit) -> T:
            for turn in range(1, TRIES):
                try:
                    return await attempt(limit)
                except _AGAIN:
                    await asyncio.sleep(random.uniform(0, 0.01 * 2**turn))  # noqa: S311 - spreads, hides nothing
            return await attempt(limit)

        try:
            return await connections.within(self._write_seconds, attempts)
        except _AGAIN as error:
            raise Unavailable("The database is too busy with the same rows to store this.") from error
        except asyncpg.LockNotAvailableError as error:
            raise Contended(str(error)) from error

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The database is closed.")

    async def _transaction(
        self,
        connection: Any,
        limit: Limit,
        begin: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        writes: bool = False,
        shard: int = 0,
        under_barrier: bool = False,
        reads_clock: bool = False,
    ) -> T:
        limit.committing = False
        try:
            await connection.execute(begin)
            tx = PostgresTx(connection, self._statements, self._time, shard=shard, under_barrier=under_barrier)
            if writes and not reads_clock:
                await tx.begin_at()
            answer = await work(tx)
            await tx.flush()
            limit.committing = writes
            began = time.perf_counter()
            ended = await connection.execute("COMMIT")
        except BaseException:
            if not limit.over and not lost(connection):
                await _roll_back(connection, limit)
            raise
        if ended != "COMMIT":
            # PostgreSQL rolls back a failed transaction at COMMIT, without an error.
            raise RuntimeError("A storage function went on after one of its statements had failed.")
        if writes:
            tx.facts.totals.observe(COMMIT_TIME, time.perf_counter() - began)
            self.on_commit(tx.facts)
        return answer


async def _roll_back(connection: Any, limit: Limit) -> None:
    """The connection is in no transaction, or closed."""
    try:
        # Always, because the driver does not know yet whether a BEGIN or COMMIT has arrived whose caller has left.
        await connection.execute("ROLLBACK")
    except asyncio.CancelledError:
        if not limit.over:
            connection.terminate()
        raise


class _PostgresMigration:
    """The connection that `migrate` uses."""

    dialect: Dialect = "postgres"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def execute(self, text: str) -> list[Row]:
        return [tuple(record) for record in await self._connection.fetch(text)]


def refuse_unsafe(settings: Mapping[str, str], *, allow_unsafe_durability: bool) -> None:
    """Raises StorageRefused if a server with these settings is too old, read-only, or may lose confirmed data."""
    if int(settings["server_version_num"]) < OLDEST:
        raise StorageRefused(
            f"PostgreSQL {int(settings['server_version_num']) // 10_000} is too old; 14 or newer is needed."
        )
    if settings["transaction_read_only"] == "on":
        raise StorageRefused("This PostgreSQL takes no writes (a standby, or read-only by default); give the primary.")
    if allow_unsafe_durability:
        return
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if settings[name] == "off":
            raise StorageRefused(
                f"PostgreSQL runs with {name} = off, so jobs that were confirmed can be lost when the host fails. "
                f"Run `ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();` (and look for {name} in ALTER ROLE and "
                "ALTER DATABASE settings), or start with --allow-unsafe-durability if losing jobs is fine."
            )


def _reason(error: Exception) -> str:
    """Says why PostgreSQL cannot be used, without any part of the URL: the parser's own errors quote it."""
    if isinstance(error, ValueError) and not isinstance(error, asyncpg.InterfaceError):
        return "its URL cannot be read; write special characters of its password as %XX"
    return str(error) or type(error).__name__
