"""A PostgreSQL that is gone or frozen: every call ends in its time, nobody waits twice, and no lock stays behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources.abc import Traversable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.postgres import PostgresServer, started
from tests.storage.proxy import Proxy, proxied

from enginehouse.domain.errors import Unavailable
from enginehouse.engines import processes
from enginehouse.storage.database import circuit_breaker, postgres_connections, time_limits
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sql import STORAGE

WITHIN = 30.0
NO_ANSWER = "The database cannot answer now. Send the request again in a moment."
CALLS = ("read", "peek", "glance", "write", "write_work")


@pytest.fixture
async def proxy(postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with proxied(postgres.socket, tmp_path) as running:
        yield running


@pytest.fixture
async def database(
    proxy: Proxy, postgres_dsn: str, tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PostgresDatabase]:
    """Yields a database behind the proxy."""
    monkeypatch.setattr(circuit_breaker, "PROBE_SECONDS", 0.3)
    name = urlsplit(postgres_dsn).path.removeprefix("/")
    async with opened(f"postgresql://postgres@/{name}?host={tmp_path}", directory) as database:
        yield database


@asynccontextmanager
async def opened(dsn: str, directory: Traversable = STORAGE) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(dsn, writers=2, readers=2, allow_unsafe_durability=True, directory=directory)
    try:
        yield database
    finally:
        async with asyncio.timeout(WITHIN):
            await database.close()


@contextmanager
def short_limits(database: PostgresDatabase) -> Iterator[None]:
    """Meanwhile calls have little time.

    It is for times when nothing can answer, because elsewhere a slow machine would look like an outage.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_read_seconds", 0.1)
        patch.setattr(database, "_write_seconds", 0.1)
        yield


async def refused(database: PostgresDatabase, call: str, work: Callable[[Tx], Awaitable[object]]) -> Unavailable:
    """Returns the refusal of a call, which ends although PostgreSQL does not."""
    async with asyncio.timeout(WITHIN):
        with pytest.raises(Unavailable) as refusal:
            await getattr(database, call)(work)
    return refusal.value


async def read_clock(tx: Tx) -> int:
    return await tx.read_clock()


async def is_known(database: PostgresDatabase) -> None:
    """The outage is known."""
    async with asyncio.timeout(WITHIN):
        while not database._connections._breaker.open:
            await refused(database, "read", read_clock)
            await asyncio.sleep(0)  # a refused connection may fail at once, and the probe needs its turn


async def is_over(database: PostgresDatabase) -> None:
    """The server knows that PostgreSQL answers again."""
    breaker = database._connections._breaker
    async with asyncio.timeout(WITHIN):
        while breaker.open and breaker._probing is not None:
            await asyncio.wait([breaker._probing])


async def put(tx: Tx, name: str) -> None:
    await tx.run("probe.put", name=name, value="v")


@pytest.mark.parametrize("call", CALLS)
async def test_every_call_on_a_frozen_database_ends_in_its_time(
    database: PostgresDatabase, proxy: Proxy, call: str
) -> None:
    proxy.freeze()
    with short_limits(database):
        assert (await refused(database, call, read_clock)).message == NO_ANSWER
    await is_known(database)
    proxy.thaw()
    await is_over(database)
    assert await getattr(database, call)(read_clock) > 0


async def test_once_an_outage_is_known_nobody_waits_for_it(
    database: PostgresDatabase, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", WITHIN * 1000)
    proxy.freeze()
    with short_limits(database):
        await is_known(database)
    before = proxy.connections
    for _ in range(100):
        for call in CALLS:
            refusal = await refused(database, call, read_clock)
            assert (refusal.message, refusal.rest_status) == (NO_ANSWER, 503)
    assert proxy.connections == before


async def test_a_silent_database_ends_even_those_who_still_have_time(
    database: PostgresDatabase, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limits, "SUSPICIOUS", 0.1)
    monkeypatch.setattr(database, "_write_seconds", WITHIN * 1000)
    proxy.freeze()
    # There are two connections for four calls, so two of them wait for a connection.
    refusals = await asyncio.gather(*(refused(database, "write", read_clock) for _ in range(4)))
    assert {refusal.message for refusal in refusals} == {NO_ANSWER}


async def test_callers_that_leave_a_silent_database_keep_no_connection(
    database: PostgresDatabase, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connections, "_CLOSE_SECONDS", 0.1)
    proxy.freeze()
    for _ in range(2):  # as many as there are connections that read
        begun = asyncio.Event()

        async def work(tx: Tx, begun: asyncio.Event = begun) -> int:
            begun.set()
            return await tx.read_clock()

        caller = asyncio.create_task(database.glance(work))
        await begun.wait()
        caller.cancel()
        await asyncio.wait([caller])
    await is_known(database)
    proxy.thaw()
    await is_over(database)
    assert await database.glance(read_clock) > 0


async def test_what_was_not_committed_is_not_stored_and_holds_no_lock(database: PostgresDatabase, proxy: Proxy) -> None:
    async def freeze_in_the_middle(tx: Tx) -> None:
        await put(tx, "a")
        proxy.freeze()
        asyncio.get_running_loop().call_soon(database._connections._limits.end_all)  # its time is over
        await put(tx, "b")

    assert (await refused(database, "write", freeze_in_the_middle)).message == NO_ANSWER
    await is_known(database)
    proxy.thaw()
    await is_over(database)
    # It would wait for the transaction that PostgreSQL has not given up by itself.
    await database.write(lambda tx: put(tx, "a"))
    assert await database.read(lambda tx: tx.all("probe.names")) == [("a",)]


async def test_a_commit_without_an_answer_is_not_said_to_have_failed(database: PostgresDatabase, proxy: Proxy) -> None:
    async def lose_the_answer(tx: Tx) -> None:
        await put(tx, "a")
        proxy.swallows_answers = True

    async def end_after_the_commit() -> None:
        async with asyncio.timeout(WITHIN):
            await proxy.committed_unseen.wait()
        database._connections._limits.end_all()

    refusal, _ = await asyncio.gather(refused(database, "write", lose_the_answer), end_after_the_commit())
    assert "may be stored or not" in refusal.message
    assert "Idempotency-Key" in refusal.message
    proxy.thaw()
    await is_over(database)
    assert await database.read(lambda tx: tx.all("probe.names")) == [("a",)]


async def test_the_processes_of_postgresql_are_stopped_and_go_on() -> None:
    with started() as server:
        async with opened(server.dsn()) as database:
            for how in (signal.SIGSTOP, signal.SIGKILL):
                assert server.pid is not None
                family = [server.pid, *processes.descendants(server.pid)]
                for pid in family:
                    os.kill(pid, how)
                with short_limits(database):
                    await is_known(database)
                for call in CALLS:
                    refusal = await refused(database, call, read_clock)
                    assert refusal.message == NO_ANSWER
                if how is signal.SIGSTOP:
                    for pid in family:
                        with suppress(ProcessLookupError):  # its connection may be gone
                            os.kill(pid, signal.SIGCONT)
                else:
                    server.stop()
                    server.start()
                await is_over(database)
                for call in CALLS:
                    assert await getattr(database, call)(read_clock) > 0
