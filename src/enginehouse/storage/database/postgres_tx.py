"""A transaction on one PostgreSQL connection: named statements, the database's clock, fencing tokens, locks.

Rows that are only added to tables, and changes of locked rows, wait for the next statement that needs an answer, or for
the end. Then all of them go in one round trip.
"""

import re
import time
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from enginehouse.storage.database.database import TOKENS_AT_ONCE, Row
from enginehouse.storage.database.facts import Facts
from enginehouse.storage.database.postgres_rows import given
from enginehouse.storage.database.sql import Statements
from enginehouse.storage.database.sql_statement import Statement

_MICROS: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_CLOCK: Final = f"SELECT {_MICROS}"

_PARAM: Final = re.compile(r"\$(\d+)")
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"


class StorageTime:
    """The last reading of the database's clock, carried forward: exact enough for reads, without a round trip."""

    def __init__(self) -> None:
        self._ahead = 0

    def observe(self, micros: int) -> None:
        self._ahead = micros - time.monotonic_ns() // 1000

    def estimate(self) -> int:
        return self._ahead + time.monotonic_ns() // 1000


class PostgresTx:
    """A transaction on one PostgreSQL connection."""

    __slots__ = ("_connection", "_fresh", "_statements", "_time", "_written", "facts", "now", "shard", "under_barrier")

    dialect: str = "postgres"

    def __init__(
        self,
        connection: Any,
        named: Statements,
        storage_time: StorageTime,
        *,
        shard: int = 0,
        under_barrier: bool = False,
    ) -> None:
        self._connection = connection
        self._statements = named
        self._time = storage_time
        self._written: dict[str, tuple[str, list[Any]]] = {}  # by table
        self._fresh = False  # `now` was read under the barrier lock, and no statement has run since
        self.now = storage_time.estimate()
        self.shard = shard
        self.facts = Facts()
        self.under_barrier = under_barrier

    @property
    def writer(self) -> int:
        return int(self._connection.get_server_pid())

    async def begin_at(self) -> None:
        """Reads `now` at the beginning. If that is under the barrier lock, a `read_clock` right after reuses it."""
        await self.read_clock()
        self._fresh = self.under_barrier

    async def read_clock(self) -> int:
        if not self._fresh:
            await self.flush()
            self.set_now(await self._connection.fetchval(_CLOCK))
        self._fresh = False
        return self.now

    def set_now(self, micros: int) -> None:
        self.now = micros
        self._time.observe(micros)

    async def flush(self) -> None:
        """All that was written is in the database, for the statements that follow."""
        if not self._written:
            return
        written, self._written = list(self._written.values()), {}
        text = _together(tuple([text for text, _ in written]))
        await self._connection.execute(text, *[column for _, columns in written for column in columns])

    async def _named(self, statement: str) -> Statement:
        self._fresh = False
        if self._written:
            await self.flush()
        return self._statements[statement]

    async def all(self, statement: str, **params: Any) -> list[Row]:
        named = await self._named(statement)
        return [tuple(record) for record in await self._connection.fetch(named.text, *_values(named, params))]

    async def one(self, statement: str, **params: Any) -> Row | None:
        named = await self._named(statement)
        record = await self._connection.fetchrow(named.text, *_values(named, params))
        return None if record is None else tuple(record)

    async def run(self, statement: str, **params: Any) -> int:
        named = await self._named(statement)
        status: str = await self._connection.execute(named.text, *_values(named, params))
        verb, _, rest = status.partition(" ")
        return int(rest.rpartition(" ")[2]) if verb in {"INSERT", "UPDATE", "DELETE", "MERGE"} else 0

    async def change(self, statement: str, **params: Any) -> None:
        named = self._statements[statement]
        if named.writes_to is None:
            raise TypeError(f"{statement} declares no changes; call run.")
        await self._defer(named.writes_to, named.text, _values(named, params))

    async def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Writes the rows at the latest with the next flush, if the statement only adds them or changes locked ones."""
        named = self._statements[statement]
        named.check_rows()
        if not rows:
            return
        if named.writes_to is None:
            await self._named(statement)
            text, columns = given(named, rows)
            await self._connection.execute(text, *columns)
        else:
            await self._defer(named.writes_to, *given(named, rows))

    async def _defer(self, table: str, text: str, values: list[Any]) -> None:
        self._fresh = False
        if table in self._written:
            await self.flush()
        self._written[table] = text, values

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        named = await self._named(statement)
        named.check_rows()
        if not rows:
            return []
        text, columns = given(named, rows)
        return [tuple(record) for record in await self._connection.fetch(text, *columns)]

    async def lock_each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        named = await self._named(statement)
        named.check_rows()
        if not rows:
            await self.read_clock()
            return []
        text, columns = given(named, rows)
        found = await self._connection.fetch(_with_clock(text), *columns)
        if found:
            self.set_now(found[-1][-1])
        else:
            await self.read_clock()
        return [tuple(record)[:-1] for record in found]

    async def tokens(self, count: int) -> int:
        if not 0 < count <= TOKENS_AT_ONCE:
            raise ValueError(f"{count} tokens were asked for; 1 to {TOKENS_AT_ONCE} may be.")
        return 1  # of the block that `{token:r}` takes

    async def lock(self, name: str) -> None:
        self._fresh = False
        await self.flush()
        await self._connection.execute(_LOCK, lock_key(name))


@cache
def _with_clock(text: str) -> str:
    """Returns the statement with the clock beside each row, read when that row and all before it are locked."""
    return f"SELECT locked.*, ({_MICROS}) FROM (\n{text}\n) locked"


@cache
def _together(texts: tuple[str, ...]) -> str:
    """Returns one statement that does what these do. They write to different tables, so their order does not matter."""
    numbered, before = list[str](), 0
    for text in texts:
        numbered.append(_PARAM.sub(lambda param, before=before: f"${int(param[1]) + before}", text))  # type: ignore[misc]
        before += len(set(_PARAM.findall(text)))
    first = ",\n".join(f"written_{n} AS (\n{text}\n)" for n, text in enumerate(numbered[:-1]))
    return f"WITH {first}\n{numbered[-1]}" if first else numbered[-1]


def lock_key(name: str) -> int:
    """Returns the signed 64-bit lock number for `name`. It is the same in every program and version."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _values(statement: Statement, params: dict[str, Any]) -> list[Any]:
    statement.check(params)
    return [params[name] for name in statement.params]
