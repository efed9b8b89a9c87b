"""A transaction on one PostgreSQL connection: named statements, the database's clock, fencing tokens, locks."""

import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from enginehouse.storage.database.database import TOKENS_AT_ONCE, Row
from enginehouse.storage.database.sql import Statement, Statements

_CLOCK: Final = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_BLOCK: Final = "SELECT nextval('fencing_token')"
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"


class StorageTime:
    """The last reading of the database's clock, carried forward: exact enough for reads, without a round trip."""

    def __init__(self) -> None:
        self._ahead = 0

    def heard(self, micros: int) -> None:
        self._ahead = micros - time.monotonic_ns() // 1000

    def estimate(self) -> int:
        return self._ahead + time.monotonic_ns() // 1000


class PostgresTx:
    """A transaction on one PostgreSQL connection."""

    __slots__ = ("_connection", "_fresh", "_statements", "_time", "now", "shard", "under_barrier")

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
        self._fresh = False  # `now` was read under the barrier lock, and no statement has run since
        self.now = storage_time.estimate()
        self.shard = shard
        self.under_barrier = under_barrier

    async def begin_at(self) -> None:
        """Reads `now` at the beginning. If that is under the barrier lock, a `read_clock` right after reuses it."""
        await self.read_clock()
        self._fresh = self.under_barrier

    async def read_clock(self) -> int:
        if not self._fresh:
            self.now = await self._connection.fetchval(_CLOCK)
            self._time.heard(self.now)
        self._fresh = False
        return self.now

    def _named(self, statement: str) -> Statement:
        self._fresh = False
        return self._statements[statement]

    async def all(self, statement: str, **params: Any) -> list[Row]:
        named = self._named(statement)
        return [tuple(record) for record in await self._connection.fetch(named.text, *_values(named, params))]

    async def one(self, statement: str, **params: Any) -> Row | None:
        named = self._named(statement)
        record = await self._connection.fetchrow(named.text, *_values(named, params))
        return None if record is None else tuple(record)

    async def run(self, statement: str, **params: Any) -> int:
        named = self._named(statement)
        status: str = await self._connection.execute(named.text, *_values(named, params))
        verb, _, rest = status.partition(" ")
        return int(rest.rpartition(" ")[2]) if verb in {"INSERT", "UPDATE", "DELETE", "MERGE"} else 0

    async def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        named = self._named(statement)
        named.check_rows()
        if rows:
            await self._connection.execute(named.text, *_columns(rows))

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        named = self._named(statement)
        named.check_rows()
        if not rows:
            return []
        return [tuple(record) for record in await self._connection.fetch(named.each, *_columns(rows))]

    async def tokens(self, count: int) -> int:
        if not 0 < count <= TOKENS_AT_ONCE:
            raise ValueError(f"{count} tokens were asked for; 1 to {TOKENS_AT_ONCE} may be.")
        # A number of the sequence stands for a whole block: one call gives consecutive tokens.
        block: int = await self._connection.fetchval(_BLOCK)
        return (block - 1) * TOKENS_AT_ONCE + 1

    async def lock(self, name: str) -> None:
        self._fresh = False
        await self._connection.execute(_LOCK, lock_key(name))


def lock_key(name: str) -> int:
    """Returns the signed 64-bit lock number for `name`. It is the same in every program and version."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)


def _values(statement: Statement, params: dict[str, Any]) -> list[Any]:
    statement.check(params)
    return [params[name] for name in statement.params]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
