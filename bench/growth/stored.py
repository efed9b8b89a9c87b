"""Databases with different numbers of stored jobs, each with a server of its own: half of the jobs have ended."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
from bench.engines.bench_engines import Hold
from bench.server import Server, folder, serving
from bench.subjects.history import FLAGS, WITHOUT
from bench.subjects.remote import NO_SLOTS
from tests.filling import Filled
from tests.history import History
from tests.postgres import PostgresServer

from bench import processors
from enginehouse.artifacts.disk import DiskStore
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop
from enginehouse.operations import engines
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

ENGINES: Final = (Noop.spec.id, Chunker.spec.id)
# The server would start the jobs that wait, and an organization's old jobs would go.
_FLAGS: Final = (*FLAGS, *NO_SLOTS)


@dataclass(frozen=True, slots=True)
class Stored:
    """`count` jobs in a database: `ended` (with a few that are not) and `waiting`. The server's data are in `home`."""

    count: int
    ended: History
    waiting: Filled
    home: Path
    dsn: str | None

    @property
    def path(self) -> Path:
        return self.home / "data/enginehouse.db"

    def serving(self, name: str = "server") -> AbstractContextManager[Server]:
        """The server of these jobs, which starts none of them."""
        return serving(self.home, self.dsn, core=processors.SERVER, flags=_FLAGS, name=name)

    async def fill(self) -> None:
        """The jobs are there, with the organization and the engines that a first start makes."""
        with self.serving("first"):
            pass
        if self.dsn is None:
            self.ended.add_to_sqlite(self.path)
            await self.waiting.sqlite(self.path)
        else:
            await self.ended.add_to_postgres(self.dsn, analyze=True)
            await self.waiting.postgres(self.dsn)

    async def bytes(self) -> int:
        """Returns how large the database is, with its indexes and without its log."""
        if self.dsn is None:
            with closing(sqlite3.connect(self.path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return self.path.stat().st_size
        connection_ = await asyncpg.connect(self.dsn)
        try:
            return int(await connection_.fetchval("SELECT pg_database_size(current_database())"))
        finally:
            await connection_.close()

    @asynccontextmanager
    async def house(self) -> AsyncIterator[House]:
        """Yields what a server works with, in this process, while no server runs."""
        opened: Database = await (
            SqliteDatabase.open(self.path) if self.dsn is None else PostgresDatabase.open(self.dsn)
        )
        store = DiskStore(self.home / "data/artifacts")
        try:
            house = House.build(opened, store)
            await engines.refresh(house)
            yield house
        finally:
            store.close()
            await opened.close()


@asynccontextmanager
async def stored(
    sizes: Sequence[int], tasks: int, place: Path, postgres: PostgresServer | None
) -> AsyncIterator[list[Stored]]:
    """Yields a filled database of each size. They are gone afterwards."""
    async with AsyncExitStack() as closing_:
        found = []
        for size in sizes:
            home, dsn = closing_.enter_context(folder(place)), None
            if postgres is not None:
                name = await postgres.create()
                closing_.push_async_callback(postgres.drop, name)
                dsn = postgres.dsn(name)
            ended = History(size // 2, engines=ENGINES, tasks=tasks, without=WITHOUT)
            one = Stored(size, ended, Filled(size - size // 2, tasks, engine=Hold.spec), home, dsn)
            await one.fill()
            found.append(one)
        yield found


@contextmanager
def served(found: Sequence[Stored]) -> Iterator[list[Server]]:
    """Yields a server for each of them."""
    with ExitStack() as open_:
        yield [open_.enter_context(one.serving()) for one in found]
