"""The single thread that writes to a SQLite file. Writes that wait share one commit."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.totals import COMMIT_TIME
from enginehouse.storage.database.clock import Clock
from enginehouse.storage.database.database import TOKENS_AT_ONCE, Row
from enginehouse.storage.database.facts import Facts, OnCommit, ignore
from enginehouse.storage.database.sql import Statements
from enginehouse.storage.database.sql_statement import Statement

Work = Callable[["SqliteTx"], Awaitable[Any]]
Queued = tuple[Work, "asyncio.Future[Any]", bool]
Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]

LARGEST_DRAIN: Final = 1024
_TROUBLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


class Fencing:
    """The last fencing token in use. It becomes durable with the commit of the work that took it."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def take(self, count: int) -> int:
        if not 0 < count <= TOKENS_AT_ONCE:
            raise ValueError(f"{count} tokens were asked for; 1 to {TOKENS_AT_ONCE} may be.")
        first = self.value + 1
        self.value += count
        return first


class SqliteTx:
    """A transaction on one SQLite connection. No await in here ever suspends."""

    __slots__ = ("_clock", "_connection", "_fencing", "_statements", "facts", "now", "shard", "under_barrier")

    dialect: str = "sqlite"

    def __init__(
        self, connection: sqlite3.Connection, statements: Statements, clock: Clock, fencing: Fencing | None
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._clock = clock
        self._fencing = fencing
        self.now = 0
        self.shard = 0  # there is only one writer
        self.facts = Facts()
        self.under_barrier = False

    @property
    def writer(self) -> int:
        return 0

    async def read_clock(self) -> int:
        self.now = self._clock.tick()
        return self.now

    def set_now(self, micros: int) -> None: ...

    async def all(self, statement: str, **params: Any) -> list[Row]:
        return self._execute(statement, params).fetchall()

    async def one(self, statement: str, **params: Any) -> Row | None:
        row: Row | None = self._execute(statement, params).fetchone()
        return row

    async def run(self, statement: str, **params: Any) -> int:
        return max(self._execute(statement, params).rowcount, 0)

    async def change(self, statement: str, **params: Any) -> None:
        self._execute(statement, params)

    async def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        named = self._statements[statement]
        named.check_rows()
        begin = 0
        for count, text in named.inserts:
            while len(rows) - begin >= count:
                self._connection.execute(text, tuple(chain.from_iterable(rows[begin : begin + count])))
                begin += count
        if begin < len(rows):
            self._connection.executemany(named.text, rows[begin:])

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        named = self._statements[statement]
        named.check_rows()
        if not rows:
            return []
        if named.portions:
            return list(self._in_portions(named, rows))
        return self._connection.execute(named.each, (msgspec.json.encode(rows).decode(),)).fetchall()

    def _in_portions(self, named: Statement, rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
        begin = 0
        for count, text in named.portions:
            while len(rows) - begin >= count:
                yield from self._connection.execute(text, tuple(chain.from_iterable(rows[begin : begin + count])))
                begin += count

    async def lock_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        found = await self.each(statement, rows)
        await self.read_clock()
        return found

    async def tokens(self, count: int) -> int:
        if self._fencing is None:
            raise RuntimeError("Tokens are handed out by a write only.")
        return self._fencing.take(count)

    async def lock(self, name: str) -> None:
        """Does nothing: BEGIN IMMEDIATE holds the only write lock."""

    def _execute(self, name: str, params: dict[str, Any]) -> sqlite3.Cursor:
        statement = self._statements[name]
        statement.check(params)
        for key in statement.lists:
            params[key] = msgspec.json.encode(list(params[key])).decode()
        return self._connection.execute(statement.text, params)


def drive(work: Work, tx: SqliteTx) -> Any:
    """Runs `work` to its end in this thread and returns its result."""
    steps = work(tx).__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    # A storage function may only await its tx, and these awaits complete at once.
    closing = getattr(steps, "close", None)
    if closing is not None:
        closing()
    raise RuntimeError(f"{getattr(work, '__qualname__', work)} awaited something other than its transaction.")


def translated(error: BaseException) -> BaseException:
    """Returns `error`, or Unavailable if it means that the file cannot be read or written now."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _TROUBLE:
        return _refusal(error, "The database cannot answer now. Send the request again in a moment.")
    return error


def _refusal(error: BaseException, message: str) -> Unavailable:
    """Returns a refusal without the driver's words. A full disk has its own message."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        message = "The disk that holds the database is full."
    refusal = Unavailable(message, reason=str(error) or type(error).__name__)
    refusal.__cause__ = error
    return refusal


class Writer:
    """The thread that owns the writing connection.

    All work queued during one commit becomes the next one: one transaction, one fsync, each work in its own savepoint.
    The futures of a commit are resolved together on `loop`, and only after it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        statements: Statements,
        clock: Clock,
        fencing: Fencing,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._fencing = fencing
        self._saved_token = fencing.value
        self._tx = SqliteTx(connection, statements, clock, fencing)
        self._loop = loop
        self._facts: list[Facts] = []  # of the works of this commit that succeeded
        self.on_commit: OnCommit = ignore
        self._queue: SimpleQueue[Queued | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def put(self, work: Work, future: "asyncio.Future[Any]", *, under_barrier: bool = False) -> None:
        """Queues `work`; `future` is resolved after its commit."""
        self._queue.put((work, future, under_barrier))

    def stop(self) -> None:
        """All work queued before is committed, and the thread has ended."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            drain, stopping = self._gather()
            if drain:
                outcomes = self._commit(drain)
                with suppress(RuntimeError):  # the loop is closed: nobody waits for the results
                    self._loop.call_soon_threadsafe(self._deliver, outcomes, self._facts)

    def _gather(self) -> tuple[list[Queued], bool]:
        """Waits for an entry, and returns all that are queued then and whether the thread must stop after them."""
        drain: list[Queued] = []
        entry = self._queue.get()
        while entry is not None:
            if not entry[1].cancelled():
                drain.append(entry)
            if len(drain) == LARGEST_DRAIN:
                break
            try:
                entry = self._queue.get_nowait()
            except Empty:
                break
        return drain, entry is None

    def _commit(self, drain: list[Queued]) -> list[Outcome]:
        self._facts = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            changes = self._connection.total_changes
            outcomes = [self._alone(*drain[0])] if len(drain) == 1 else [self._in_savepoint(*entry) for entry in drain]
            if self._connection.in_transaction:
                self._save(changes)
                began = time.perf_counter()
                self._connection.execute("COMMIT")
                if self._facts:
                    self._facts[0].totals.observe(COMMIT_TIME, time.perf_counter() - began)
            return outcomes
        except BaseException as error:
            self._facts = []
            trouble = self._unavailable(error)
            return [(future, None, trouble) for _, future, _ in drain]

    def _alone(self, work: Work, future: "asyncio.Future[Any]", under_barrier: bool) -> Outcome:
        try:
            return future, self._drive(work, under_barrier), None
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return future, None, translated(error)

    def _in_savepoint(self, work: Work, future: "asyncio.Future[Any]", under_barrier: bool) -> Outcome:
        self._connection.execute("SAVEPOINT work")
        try:
            answer = self._drive(work, under_barrier)
        except BaseException as error:
            # On a full disk SQLite rolls back the whole transaction by itself: then all works of the drain are lost.
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO work")
            self._connection.execute("RELEASE work")
            return future, None, translated(error)
        self._connection.execute("RELEASE work")
        return future, answer, None

    def _drive(self, work: Work, under_barrier: bool) -> Any:
        self._tx.under_barrier = under_barrier
        self._tx.now = self._clock.tick()
        facts = self._tx.facts = Facts()
        answer = drive(work, self._tx)
        self._facts.append(facts)
        return answer

    def _save(self, changes_before: int) -> None:
        """Stores the clock and the last token in the same commit as the writes that used them."""
        if self._connection.total_changes == changes_before and self._saved_token == self._fencing.value:
            return
        self._connection.execute("UPDATE storage_clock SET micros = ?", (self._clock.look(),))
        if self._saved_token != self._fencing.value:
            self._connection.execute("UPDATE fencing SET value = ?", (self._fencing.value,))
            self._saved_token = self._fencing.value

    def _unavailable(self, error: BaseException) -> Unavailable:
        # The next commit stores the last token again, because this one failed to.
        self._saved_token = -1
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            error = second
        return _refusal(error, "The database could not store this.")

    def _deliver(self, outcomes: list[Outcome], facts: list[Facts]) -> None:
        for committed in facts:
            self.on_commit(committed)
        for future, answer, error in outcomes:
            if not future.done():
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(answer)
