"""Measures the cost of many schedules while nothing is due, and the time when many are due at once."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import asyncpg
import uvloop
from bench.figures import Sample
from bench.scale import Scale
from bench.server import Server, serving
from tests.chaos import ledger
from tests.chaos.ledger import Spec
from tests.postgres import FSYNC

from bench import processors
from enginehouse.domain.schedules.timing import Rules
from enginehouse.domain.times import SECOND
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

DAY = 86_400
SETTLED = 1.0
AHEAD = 15.0  # seconds for the rest of the schedules and for the start of the server, also on a busy machine
FIRED_WITHIN = 120.0
LOOKS_EVERY = 0.01
ORGANIZATION = "SELECT MIN(id) FROM organization"
FIRED = "SELECT COUNT(*) FROM schedule_slot WHERE outcome = 'fired'"


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Returns the figures of a server without schedules, and of one with all of them."""
    with serving(home, database) as server:
        time.sleep(SETTLED)
        none = _share(server, scale.idle)
    due_at = uvloop.run(_store(home, database, scale))
    with serving(home, database) as server:
        time.sleep(SETTLED)
        idle = _share(server, scale.idle)
        if time.time() > due_at:
            raise RuntimeError("The server was not ready before the schedules were due.")
        processors.keep_to(processors.CLIENTS)
        try:
            fired = uvloop.run(_fired(home, database, scale.due, due_at))
        finally:
            processors.keep_to(None)
    return {"schedules_none": none, "schedules_idle": idle, "schedules_due": fired}


def _share(server: Server, seconds: float) -> float:
    """Returns how much of a core the server uses during `seconds`, in percent."""
    before = processors.seconds_used(server.pid)
    time.sleep(seconds)
    return (processors.seconds_used(server.pid) - before) / seconds * 100


async def _store(home: Path, database: str | None, scale: Scale) -> float:
    """The schedules exist. Returns when those are due that are due together (wall clock)."""
    opened = await _open(home, database)
    try:
        async with _looking(home, database) as found:
            organization_id = await found(ORGANIZATION)
        now = int(time.time()) * SECOND
        late = [Spec(DAY, Rules(), now - n * SECOND // 100, now) for n in range(scale.schedules - scale.due)]
        await ledger.store(opened, organization_id, late)
        due = (int(time.time() + AHEAD + SETTLED + scale.idle) + 1) * SECOND
        together = [Spec(DAY, Rules(), due - DAY * SECOND, now)] * scale.due
        await ledger.store(opened, organization_id, together)
        return due / SECOND
    finally:
        await opened.close()


async def _open(home: Path, database: str | None) -> Database:
    if database is None:
        return await SqliteDatabase.open(home / "data/enginehouse.db")
    return await PostgresDatabase.open(database, allow_unsafe_durability=FSYNC == "off")


@asynccontextmanager
async def _looking(home: Path, database: str | None) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """Yields a function that returns the number in a query's result, over a connection of its own."""
    if database is None:
        with closing(sqlite3.connect(home / "data/enginehouse.db")) as connection:

            async def found(query: str) -> int:
                number: int = connection.execute(query).fetchone()[0]
                return number

            yield found
            return
    postgres = await asyncpg.connect(database)
    try:
        yield postgres.fetchval
    finally:
        await postgres.close()


async def _fired(home: Path, database: str | None, count: int, due_at: float) -> float:
    """Returns the seconds from the moment when they are due until another connection sees that all have fired."""
    end = due_at + FIRED_WITHIN
    async with _looking(home, database) as found:
        await asyncio.sleep(max(0.0, due_at - time.time()))
        while await found(FIRED) < count:
            if time.time() > end:
                raise RuntimeError(f"Of {count} schedules not all had fired after {FIRED_WITHIN:.0f} s.")
            await asyncio.sleep(LOOKS_EVERY)
        return time.time() - due_at
