"""Opens, checks, writes and reads a PostgreSQL database."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from importlib.resources.abc import Traversable
from typing import Any, Final, TypeVar

import asyncpg

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.channels import Channels
from enginehouse.storage.database.circuit_breaker import CircuitBreaker
from enginehouse.storage.database.database import Contended, Row, StorageRefused, Tx
from enginehouse.storage.database.migrate import Migration, available, migrate
from enginehouse.storage.database.postgres_listener import Listener
from enginehouse.storage.database.postgres_tx import PostgresTx, StorageTime, lock_key
from enginehouse.storage.database.sql import STORAGE, Dialect, Statements, statements

T = TypeVar("T")

OLDEST: Final = 140_000
TRIES: Final = 6
SHARDS: Final = 8  # rows per count, so that two writers seldom change the same row
_WRITE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# The lock must be a separate statement; it only shares the round trip of BEGIN.
_WRITE_WORK: Final = f"{_WRITE}; SELECT pg_advisory_xact_lock_shared({lock_key(barrier_lock.NAME)})"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SETTINGS: Final = """SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version_num', 'transaction_read_only')"""
_SESSION: Final = {"application_name": "enginehouse", "jit": "off", "idle_in_transaction_session_timeout": "60000"}
# Each writing statement has one good plan, by key; without this setting the planner makes a new plan for every array.
# A server that stops in the middle of a transaction blocks its rows for all others, so the timeout is short.
_HOT: Final = {
    **_SESSION, "plan_cache_mode": "force_generic_plan", "idle_in_transaction_session_timeout": "10000"
}  # fmt: skip

_AGAIN: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # the driver raises this while a connection breaks
    # Only a new connection can raise these: the password has changed, or the database no longer exists.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
_CANNOT_OPEN: Final = (*_TROUBLE, asyncpg.InterfaceError, ValueError)


class PostgresDatabase:
    """A PostgreSQL database with a few writing connections, a few reading ones, and one for notifications."""

    dialect: str = "postgres"

    def __init__(
        self,
        writers: Any,
        readers: Any,
        listener: Listener,
        channels: Channels,
        breaker: CircuitBreaker,
        named: Statements,
    ) -> None:
        self._writers = writers
        self._readers = readers
        self._listener = listener
        self._channels = channels
        self._breaker = breaker
        self._statements = named
        self._time = StorageTime()
        self._turns = itertools.count()
        self._closed = False

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        writers: int = 3,
        readers: int = 4,
        allow_unsafe_durability: bool = False,
        directory: Traversable = STORAGE,
        migrations: Sequence[Migration] | None = None,
    ) -> "PostgresDatabase":
        """Returns the database of `dsn`, checked, migrated and connected.

        `directory` holds the .sql files. Raises StorageRefused if the database is unreachable, too old, newer than this
        program, or may lose confirmed data. No message contains the DSN, which may hold a password.
        """
        try:
            connection = await asyncpg.connect(dsn, server_settings=_SESSION, timeout=10)
            try:
                refuse_unsafe(dict(await connection.fetch(_SETTINGS)), allow_unsafe_durability=allow_unsafe_durability)
                await migrate(_PostgresMigration(connection), available() if migrations is None else migrations)
            finally:
                await connection.close()
            writing = await _pool(dsn, writers, _HOT)
            reading = await _pool(dsn, readers, _SESSION)
        except _CANNOT_OPEN as error:
            raise StorageRefused(f"PostgreSQL cannot be used: {_reason(error)}.") from error
        channels, breaker = Channels(), CircuitBreaker()

        async def connect() -> Any:
            breaker.check()
            try:
                made = await asyncpg.connect(dsn, server_settings=_SESSION, timeout=10)
            except _TROUBLE as error:
                breaker.failed(_told(error))
                raise
            breaker.succeeded()
            return made

        listener = Listener(connect, channels)
        opened = cls(writing, reading, listener, channels, breaker, statements("postgres", directory))
        await opened.write(lambda tx: tx.read_clock())
        return opened

    async def write(self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None) -> T:
        return await self._persist(work, under_barrier=False, patience=patience)

    async def write_work(self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None) -> T:
        return await self._persist(work, under_barrier=True, patience=patience)

    async def _persist(self, work: Callable[[Tx], Awaitable[T]], *, under_barrier: bool, patience: float | None) -> T:
        shard = next(self._turns) % SHARDS
        begin = partial(self._write, shard=shard, under_barrier=under_barrier, patience=patience)
        for attempt in range(1, TRIES):
            try:
                return await self._connected(self._writers, begin, work)
            except _AGAIN:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, hides nothing
        try:
            return await self._connected(self._writers, begin, work)
        except _AGAIN as error:
            raise Unavailable("The database is too busy with the same rows to store this.") from error

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._connected(self._readers, self._snapshot, work)

    async def peek(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._connected(self._readers, self._snapshot, work)

    async def glance(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._connected(self._readers, self._alone, work)

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - the seam's own signature
        self._listener.hear(channel)
        return await self._channels.wait(channel, timeout)

    def notify(self, channel: str) -> None:
        self._channels.notify(channel)
        self._listener.send(channel)

    async def close(self) -> None:
        """Every running transaction has ended, and every connection is closed."""
        if self._closed:
            return
        self._closed = True
        await self._listener.close()
        await self._writers.close()
        await self._readers.close()
        self._channels.notify_all()

    async def _connected(
        self,
        pool: Any,
        run: Callable[[Any, Callable[[Tx], Awaitable[T]]], Awaitable[T]],
        work: Callable[[Tx], Awaitable[T]],
    ) -> T:
        if self._closed:
            raise Unavailable("The database is closed.")
        # An idle connection is used at once. The breaker limits only the opening of new ones after a failure.
        trial = self._breaker.open and not pool.get_idle_size()
        if trial:
            self._breaker.check()
        connected = False
        try:
            async with pool.acquire(timeout=30) as connection:
                connected = True
                if trial:
                    self._breaker.succeeded()
                try:
                    return await run(connection, work)
                except asyncpg.InterfaceError as error:
                    if _lost(connection):
                        raise ConnectionResetError(str(error)) from error
                    raise
        except _TROUBLE as error:
            # A timeout may also mean that all connections are busy, so it is no evidence of a failed connection.
            if not connected and not isinstance(error, TimeoutError):
                self._breaker.failed(_told(error))
            raise Unavailable(_told(error)) from error

    async def _alone(self, connection: Any, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await work(PostgresTx(connection, self._statements, self._time))

    async def _snapshot(self, connection: Any, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await self._transaction(connection, _READ, work)

    async def _write(
        self,
        connection: Any,
        work: Callable[[Tx], Awaitable[T]],
        *,
        shard: int,
        under_barrier: bool,
        patience: float | None,
    ) -> T:
        begin = _WRITE_WORK if under_barrier else _WRITE
        if patience is not None:
            begin += f"; SET LOCAL lock_timeout = {max(1, round(patience * 1000))}"
        try:
            return await self._transaction(
                connection, begin, work, clock=True, shard=shard, under_barrier=under_barrier
            )
        except asyncpg.LockNotAvailableError as error:
            raise Contended(str(error)) from error

    async def _transaction(
        self,
        connection: Any,
        begin: str,
        work: Callable[[Tx], Awaitable[T]],
        *,
        clock: bool = False,
        shard: int = 0,
        under_barrier: bool = False,
    ) -> T:
        await connection.execute(begin)
        try:
            tx = PostgresTx(connection, self._statements, self._time, shard=shard, under_barrier=under_barrier)
            if clock:
                await tx.begin_at()
            answer = await work(tx)
            ended = await connection.execute("COMMIT")
        except BaseException:
            if not _lost(connection) and connection.is_in_transaction():
                await connection.execute("ROLLBACK")
            raise
        if ended != "COMMIT":
            # PostgreSQL rolls back a failed transaction at COMMIT, without an error.
            raise RuntimeError("A storage function went on after one of its statements had failed.")
        return answer


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


def _told(error: Exception) -> str:
    return f"The database cannot answer now: {error or type(error).__name__}."


def _lost(connection: Any) -> bool:
    try:
        lost: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool already has it back, because it broke
    return lost


async def _pool(dsn: str, size: int, settings: Mapping[str, str]) -> Any:
    return await asyncpg.create_pool(
        dsn,
        min_size=size,
        max_size=size,
        max_inactive_connection_lifetime=0,
        statement_cache_size=1024,
        max_cached_statement_lifetime=0,
        command_timeout=60,
        server_settings=settings,
        # The usual reset is a round trip after every transaction; our transactions leave no state on a connection.
        reset=_nothing,
    )


async def _nothing(connection: Any) -> None: ...
