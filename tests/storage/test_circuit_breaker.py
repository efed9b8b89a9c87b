"""While connections fail few callers try; existing connections are used, and a recovery is noticed."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from asyncpg.pool import Pool
from tests.postgres import PostgresServer, started

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database import postgres as module
from enginehouse.storage.database.circuit_breaker import FIRST_PAUSE, LONGEST_PAUSE, CircuitBreaker
from enginehouse.storage.database.postgres import PostgresDatabase


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def passes(breaker: CircuitBreaker) -> bool:
    try:
        breaker.check()
    except Unavailable:
        return False
    return True


def test_one_tries_after_each_pause_and_the_pauses_grow() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    assert all(passes(breaker) for _ in range(3))
    tried = list[float]()
    breaker.failed("nobody there")
    for step in range(10_000):
        clock.now = 1000 + step / 1000
        if passes(breaker):
            tried.append(clock.now - 1000)
            assert not passes(breaker)
            breaker.failed("nobody there")
    assert tried[0] == pytest.approx(FIRST_PAUSE)
    assert len(tried) < 10 / LONGEST_PAUSE + 5
    assert tried[-1] - tried[-2] == pytest.approx(LONGEST_PAUSE)
    clock.now += LONGEST_PAUSE
    assert passes(breaker)
    breaker.succeeded()
    assert all(passes(breaker) for _ in range(3))


def test_a_trial_that_nobody_hears_of_again_keeps_nobody_out() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    breaker.failed("nobody there")
    clock.now += FIRST_PAUSE
    assert passes(breaker)
    clock.now += LONGEST_PAUSE
    assert passes(breaker)


def test_failures_at_the_same_time_count_as_one() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    for _ in range(20):
        breaker.failed("nobody there")
    clock.now += FIRST_PAUSE
    assert passes(breaker)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a connection was requested so far: from a pool, or for the listener."""
    acquire, connect = Pool.acquire, asyncpg.connect
    count = 0

    def counted(pool: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return acquire(pool, **more)

    async def counted_too(*given: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return await connect(*given, **more)

    monkeypatch.setattr(Pool, "acquire", counted)
    monkeypatch.setattr(asyncpg, "connect", counted_too)
    return lambda: count


async def test_who_asks_while_the_database_is_away_hardly_ever_tries(
    monkeypatch: pytest.MonkeyPatch, tries: Callable[[], int]
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "CircuitBreaker", lambda: CircuitBreaker(clock))
    with started() as server:
        database = await PostgresDatabase.open(server.dsn(), writers=2, readers=2, allow_unsafe_durability=True)
        server.stop()
        await _refused(database)
        before = tries()
        for _ in range(200):
            await _refused(database)
        assert tries() == before
        for trial in range(1, 11):
            clock.now += LONGEST_PAUSE
            for _ in range(20):
                await _refused(database)
            assert tries() == before + trial
        server.start()
        clock.now += LONGEST_PAUSE
        assert await database.write(lambda tx: tx.read_clock()) > 0
        assert await database.read(lambda tx: tx.read_clock()) > 0
        await database.close()


async def _refused(database: PostgresDatabase) -> None:
    for call in (database.read, database.write, database.glance):
        with pytest.raises(Unavailable, match="The database cannot answer now"):
            await call(lambda tx: tx.read_clock())


async def test_what_is_connected_is_used_while_no_other_connection_can_be_made(postgres: PostgresServer) -> None:
    name = await postgres.create()
    database = await PostgresDatabase.open(postgres.dsn(name), writers=1, readers=1, allow_unsafe_durability=True)
    database._breaker = CircuitBreaker(Clock())  # the listener is still connecting and closes the other breaker
    database._breaker.failed("too many connections")
    assert await database.write(lambda tx: tx.read_clock()) > 0
    assert await database.read(lambda tx: tx.read_clock()) > 0
    assert database._breaker.open
    await database.close()
    await postgres.drop(name)
