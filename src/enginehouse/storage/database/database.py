"""The seam to a database: a transaction that runs named statements, and the two ways to get one.

A storage function is a plain `async def verb(tx: Tx, …)`. On PostgreSQL it is awaited on the event loop; on SQLite the
writer thread drives the same coroutine to its end without one, because every await inside it is answered at once. So a
storage function awaits nothing but its `tx`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from enginehouse.domain.errors import Unavailable

Row = tuple[Any, ...]
T = TypeVar("T")


class Contended(Exception):
    """Another transaction held a row for longer than this one was willing to wait; nothing of it is stored."""


TOKENS_AT_ONCE: Final = 4096


class StorageRefused(Unavailable):
    """The database must not be served as it is: in use, unsafe, unreachable or newer. The message says what to do."""


class Tx(Protocol):
    """An open transaction. `statement` names one `-- name:` block of a .sql file, as `file.name`."""

    dialect: str
    """Of which database: only for a statement that one of the two has to be asked in another way."""

    now: int
    """Microseconds UTC of the storage clock. Never goes back; on PostgreSQL see `read_clock`."""

    shard: int
    """Which row of every count this transaction adds to. Two that count at once seldom have the same."""

    under_barrier: bool
    """Whether `write_work` opened it: the barrier lock is held shared, see `storage.database.barrier_lock`."""

    async def read_clock(self) -> int:
        """`now` is read again from the storage clock (after the locks that must come before it) and answered."""

    async def all(self, statement: str, **params: Any) -> list[Row]:
        """Every row the statement returns."""

    async def one(self, statement: str, **params: Any) -> Row | None:
        """The first row, or None."""

    async def run(self, statement: str, **params: Any) -> int:
        """The statement has run; returns how many rows it changed."""

    async def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement has run once over all rows (`{rows}`: unnest or json_each). No rows: nothing happens."""

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Like `many`, in one statement, answering the rows it returns."""

    async def tokens(self, count: int) -> int:
        """The first of `count` fencing tokens in a row, greater than every one handed out before.

        At most TOKENS_AT_ONCE; more is a ValueError. Between two calls any number of tokens may be left out.
        """

    async def lock(self, name: str) -> None:
        """A transaction-long advisory lock is held alone, in a statement of its own. SQLite's write lock is enough."""


class Database(Protocol):
    """SQLite or PostgreSQL."""

    dialect: str

    async def write(self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None) -> T:
        """`work` has run in one write transaction, which is committed and durable when this returns.

        SQLite: queued to the writer thread; everything queued meanwhile shares one commit, each in a savepoint.
        An exception from `work` rolls back only that work and is raised here. `patience`: after so many seconds of
        waiting for another transaction's row, Contended is raised; on SQLite there is no other transaction.
        """

    async def write_work(self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None) -> T:
        """Like `write`, for what starts work: the barrier lock is held shared, taken in the first statement.

        On PostgreSQL it shares the round trip of BEGIN, and `now` is read after it.
        """

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """`work` has run on one snapshot, off the event loop's thread where the database is embedded."""

    async def peek(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Like `read`, for a handful of rows by key: on SQLite it runs at once in the calling thread."""

    async def glance(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Like `peek`, for a single statement: what it returns is committed, and no transaction is opened around it."""

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - how long to wait is the question
        """True when `channel` was notified by a commit of any server within `timeout` seconds."""

    def notify(self, channel: str) -> None:
        """Waiters of `channel` wake up, on every server; sent at most once per batch, without content."""

    async def close(self) -> None: ...
