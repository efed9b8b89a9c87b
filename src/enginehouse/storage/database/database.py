"""The seam to a database: a transaction that runs named statements, and the two ways to get one.

A storage function is a plain `async def verb(tx: Tx, …)`. On PostgreSQL it is awaited on the event loop. On SQLite the
writer thread runs the same coroutine to its end without an event loop, because every await inside it completes at once.
So a storage function may await only its `tx`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.facts import Facts, OnCommit

Row = tuple[Any, ...]
T = TypeVar("T")


class Contended(Exception):
    """Another transaction held a row for longer than this one may wait. Nothing of this one is stored."""


TOKENS_AT_ONCE: Final = 4096


class StorageRefused(Unavailable):
    """The server must not use this database: in use, unsafe, unreachable or newer. The message says what to do."""


def unavailable(reason: str) -> Unavailable:
    """Returns the refusal of a call that the database does not answer. Only the log shows the reason."""
    return Unavailable("The database cannot answer now. Send the request again in a moment.", reason=reason)


class Tx(Protocol):
    """An open transaction. `statement` names one `-- name:` block of a .sql file, as `file.name`."""

    dialect: str
    """Which database it is. Only for statements that differ between the two databases."""

    now: int
    """Microseconds UTC of the storage clock. Never goes back. On PostgreSQL see `read_clock`."""

    shard: int
    """Which row of each count this transaction changes. Concurrent transactions seldom have the same shard."""

    @property
    def writer(self) -> int:
        """The number of the connection. No other transaction that runs at the same time has it."""

    facts: Facts
    """What the transaction has done so far; others learn it after its commit."""

    under_barrier: bool
    """True in `write_work`: the barrier lock is held shared, see `storage.database.barrier_lock`."""

    async def read_clock(self) -> int:
        """Reads `now` again from the storage clock, after the locks that must come before it, and returns it."""

    def set_now(self, micros: int) -> None:
        """A statement of the transaction has read the storage clock (`{clock}`), which spares the trip for it.

        From now on that is `now`. On SQLite nothing changes: each transaction has a time of its own already.
        """

    async def all(self, statement: str, **params: Any) -> list[Row]:
        """Returns every row of the statement."""

    async def one(self, statement: str, **params: Any) -> Row | None:
        """Returns the first row, or None."""

    async def run(self, statement: str, **params: Any) -> int:
        """Runs the statement. Returns how many rows it changed."""

    async def change(self, statement: str, **params: Any) -> None:
        """Runs the statement, which only changes locked rows (`-- changes:`), at the latest before the next answer."""

    async def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs the statement once over all rows (`{rows}`: unnest or json_each). No rows: nothing happens."""

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Like `many`, in one statement, and returns its rows."""

    async def lock_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        """Like `each`, for a statement that locks its rows, and reads `now` after their locks as `read_clock` does."""

    async def tokens(self, count: int) -> int:
        """Returns the first of `count` consecutive numbers, of which one statement makes fencing tokens by `{token:r}`.

        These are consecutive too, and greater than every earlier token. On PostgreSQL the statement itself takes them
        from a sequence, without another round trip. `count` is at most TOKENS_AT_ONCE; more raises ValueError. There
        may be gaps between the tokens of two calls.
        """

    async def lock(self, name: str) -> None:
        """Takes an exclusive advisory lock until the commit, in a separate statement. SQLite's write lock is enough."""


class Database(Protocol):
    """SQLite or PostgreSQL."""

    dialect: str

    on_commit: OnCommit
    """Who learns what was committed; one listener, which `app` attaches."""

    async def write(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, urgent: bool = False
    ) -> T:
        """Runs `work` in one write transaction, which is committed and durable when this returns.

        On SQLite the writer thread has a queue; all queued works share one commit, each in its own savepoint. An
        exception from `work` rolls back only that work and is raised here. After Unavailable the commit may have
        happened without a confirmation. `patience` is how many seconds to wait for another transaction's row before
        Contended is raised; on SQLite there is no other transaction. An `urgent` one does not wait for the connections
        of the others, all of which may be at work.
        """

    async def write_work(
        self, work: Callable[[Tx], Awaitable[T]], *, patience: float | None = None, reads_clock: bool = False
    ) -> T:
        """Like `write`, for a transaction that starts work: its first statement takes the barrier lock shared.

        On PostgreSQL the lock shares the round trip of BEGIN, and `now` is read after it, unless `work` `reads_clock`
        itself before it uses `now`.
        """

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Runs `work` on one snapshot. On an embedded database it runs outside the event loop's thread."""

    async def peek(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Like `read`, for a few rows by key: on SQLite it runs at once in the calling thread."""

    async def glance(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Like `peek`, for a single statement, without a transaction around it. It sees only committed data."""

    async def wait(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - how long to wait is the question
        """True if a commit of any server notified `channel` within `timeout` seconds."""

    def notify(self, channel: str) -> None:
        """Wakes the waiters of `channel` on every server; sent at most once per batch, without content."""

    def notify_others(self, channel: str) -> None:
        """Wakes the waiters of `channel` on the other servers. An embedded database has no other server."""

    async def close(self) -> None: ...
