"""The connections to a PostgreSQL, and what happens when they break, are refused, or nothing comes back on them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import asyncpg

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.circuit_breaker import CircuitBreaker
from enginehouse.storage.database.database import unavailable
from enginehouse.storage.database.time_limits import Limit, TimeLimits

T = TypeVar("T")

# A statement that reads little must not wait until PostgreSQL has started workers for it: they take 10 ms and a core.
SESSION: Final = {
    "application_name": "enginehouse",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "idle_in_transaction_session_timeout": "60000",
}
HELD_AT_MOST: Final = "10000"  # ms
# Each writing statement has one good plan, by key; without this setting the planner makes a new plan for every array.
# That plan must use the indexes: one that was made while a table was small would read all of it, however much it has
# grown, until PostgreSQL analyzes it. A server that stops in the middle of a transaction blocks its rows for all
# others, so the timeout is short.
_HOT: Final = {
    **SESSION,
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "idle_in_transaction_session_timeout": HELD_AT_MOST,
}
TROUBLE: Final = (
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
# PostgreSQL may not have noticed that a connection was given up. Its transaction must not hold locks any longer.
_END_ABANDONED: Final = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = ANY($1::INT[]) AND application_name = 'enginehouse' AND usename = current_user"""
_CONNECT_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 5.0
_UNKNOWN: Final = (
    "The database did not confirm this, so it may be stored or not. Look before you send it again, or send it again "
    "with the same Idempotency-Key."
)


class Connections:
    """Some connections that write and some that read. Every transaction has a time limit.

    `silenced` runs when PostgreSQL is found silent: all transactions end, and no old connection is used again.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._abandoned = set[int]()
        self._breaker = CircuitBreaker(self._probe, self._give_up)
        self._limits = TimeLimits(self._breaker.suspect)
        self.silenced: Callable[[], None] = _nothing
        self.writers: Any = None
        self.readers: Any = None

    @classmethod
    async def open(cls, dsn: str, *, writers: int, readers: int) -> "Connections":
        """Returns that many connections of each kind. Raises the driver's errors."""
        opened = cls(dsn)
        opened.writers = await _pool(dsn, writers, _HOT)
        try:
            opened.readers = await _pool(dsn, readers, SESSION)
        except BaseException:
            opened.writers.terminate()
            raise
        return opened

    async def within(self, seconds: float, attempt: Callable[[Limit], Awaitable[T]]) -> T:
        """Returns the result of `attempt`. Raises Unavailable when it meets trouble or takes longer than this."""
        limit = self._limits.limit(seconds)
        try:
            async with limit:
                return await attempt(limit)
        except TROUBLE as error:
            self._breaker.suspect()
            reason = str(error) or type(error).__name__
            if limit.committing:
                raise Unavailable(_UNKNOWN, reason=reason) from error
            raise unavailable(reason) from error

    async def use(self, pool: Any, limit: Limit, run: Callable[[Any], Awaitable[T]]) -> T:
        """Returns the result of `run` with a connection. One that does not answer in time is given up."""
        # Idle connections are good while no new ones can be made, unless the database is silent.
        if self._breaker.silent or not pool.get_idle_size():
            self._breaker.check()
        connection = await pool.acquire()
        try:
            return await run(connection)
        except asyncpg.InterfaceError as error:
            if lost(connection):
                raise ConnectionResetError(str(error)) from error
            raise
        except asyncio.CancelledError:
            if limit.over and not lost(connection):
                self._abandoned.add(connection.get_server_pid())
                connection.terminate()
                await self._expire()  # the others may be as dead
            raise
        finally:
            # If the caller has left, the driver first waits for the end of the statement, which may never come.
            await pool.release(connection, timeout=_CLOSE_SECONDS)

    async def connect(self) -> Any:
        """Returns a connection outside the pools. Raises Unavailable at once while the database does not answer."""
        self._breaker.check()
        try:
            return await asyncpg.connect(
                self._dsn, server_settings=SESSION, timeout=_CONNECT_SECONDS, command_timeout=_CONNECT_SECONDS
            )
        except TROUBLE:
            self._breaker.suspect()
            raise

    async def close(self) -> None:
        """Every transaction has ended, and every connection is closed, at the latest after some seconds."""
        await self._breaker.close()
        pools = (self.writers, self.readers)
        try:
            async with asyncio.timeout(0 if self._breaker.silent else _CLOSE_SECONDS):
                await asyncio.gather(*(pool.close() for pool in pools))
        except TimeoutError:
            for pool in pools:
                pool.terminate()

    async def _probe(self) -> None:
        connection = await asyncpg.connect(self._dsn, server_settings=SESSION)
        try:
            abandoned = list(self._abandoned)
            await connection.fetch(_END_ABANDONED, abandoned)
            self._abandoned.difference_update(abandoned)
        finally:
            connection.terminate()

    async def _give_up(self) -> None:
        self._limits.end_all()
        await self._expire()
        self.silenced()

    async def _expire(self) -> None:
        for pool in (self.writers, self.readers):
            await pool.expire_connections()


def lost(connection: Any) -> bool:
    """Returns True if the connection is closed or broken."""
    try:
        closed: bool = connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool already has it back, because it broke
    return closed


async def _pool(dsn: str, size: int, settings: Mapping[str, str]) -> Any:
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,  # else the pool connects by itself during an outage, in a rhythm of its own
        max_size=size,
        max_inactive_connection_lifetime=0,
        statement_cache_size=1024,
        max_cached_statement_lifetime=0,
        timeout=_CONNECT_SECONDS,
        command_timeout=None,
        server_settings=settings,
        # The usual reset is a round trip after every transaction; our transactions leave no state on a connection.
        reset=_keep,
    )
    try:
        connected = await asyncio.gather(*(pool.acquire() for _ in range(size)))
        for connection in connected:
            await pool.release(connection)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def _keep(connection: Any) -> None: ...


def _nothing() -> None: ...
