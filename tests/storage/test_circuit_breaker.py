"""While the database does not answer callers are refused; existing connections are used, and a recovery is noticed."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from asyncpg.pool import Pool
from tests.postgres import PostgresServer, started

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database import circuit_breaker
from enginehouse.storage.database.circuit_breaker import FIRST_PAUSE, LONGEST_PAUSE, CircuitBreaker
from enginehouse.storage.database.postgres import PostgresDatabase

WITHIN = 30.0


class Pauses:
    """Replaces asyncio.sleep: a pause ends when the test says so."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self._turn = asyncio.Semaphore(0)
        self._begun = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self._begun.release()
        await self._turn.acquire()

    async def next(self) -> None:
        """The breaker has begun its next pause."""
        async with asyncio.timeout(WITHIN):
            await self._begun.acquire()

    async def end(self) -> None:
        """The pause is over, and the next has begun."""
        self._turn.release()
        await self.next()


class Probe:
    """Answers, or raises what the test has set. It counts its calls and those of `silenced`."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls = 0
        self.silences = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error

    async def silenced(self) -> None:
        self.silences += 1


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    pauses = Pauses()
    monkeypatch.setattr(circuit_breaker, "sleep", pauses)
    return pauses


@pytest.fixture
def probe() -> Probe:
    return Probe()


def passes(breaker: CircuitBreaker) -> bool:
    try:
        breaker.check()
    except Unavailable:
        return False
    return True


async def test_a_probe_is_made_after_each_pause_and_the_pauses_grow(pauses: Pauses, probe: Probe) -> None:
    breaker = CircuitBreaker(probe, probe.silenced)
    assert passes(breaker)
    probe.error = ConnectionRefusedError("nobody there")
    breaker.suspect()
    await pauses.next()
    for _ in range(9):
        assert not passes(breaker)
        breaker.suspect()  # changes nothing
        await pauses.end()
    assert probe.calls == len(pauses.taken) == 10
    assert pauses.taken[:2] == [FIRST_PAUSE, 2 * FIRST_PAUSE]
    assert pauses.taken[-2:] == [LONGEST_PAUSE, LONGEST_PAUSE]
    probe.error = None
    await pauses.end()
    assert passes(breaker)
    await breaker.close()


async def test_suspicions_at_the_same_time_cost_one_probe_and_a_right_answer_refuses_nobody(
    pauses: Pauses, probe: Probe
) -> None:
    breaker = CircuitBreaker(probe, probe.silenced)
    for _ in range(20):
        breaker.suspect()
    await pauses.next()
    breaker.suspect()  # a caller that fails for another reason causes no flood of probes
    assert (probe.calls, passes(breaker)) == (1, True)
    await breaker.close()


async def test_after_the_end_no_probe_begins(pauses: Pauses, probe: Probe) -> None:
    """A transaction that fails while the server stops is one more reason to doubt."""
    breaker = CircuitBreaker(probe, probe.silenced)
    await breaker.close()
    breaker.suspect()
    assert breaker._probing is None
    await breaker.close()


async def test_a_silence_is_told_once_until_the_database_answers(pauses: Pauses, probe: Probe) -> None:
    breaker = CircuitBreaker(probe, probe.silenced)
    for error in (TimeoutError(), TimeoutError(), ConnectionRefusedError("nobody there"), TimeoutError()):
        probe.error = error
        breaker.suspect()
        await (pauses.end() if pauses.taken else pauses.next())
    assert (probe.silences, breaker.silent) == (1, True)
    probe.error = None
    await pauses.end()
    assert (breaker.open, breaker.silent) == (False, False)
    await breaker.close()


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a connection was requested so far: from a pool, for the listener, or for a probe."""
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


async def test_a_request_while_the_database_is_away_does_not_try_to_connect(
    monkeypatch: pytest.MonkeyPatch, tries: Callable[[], int]
) -> None:
    with started() as server:
        database = await PostgresDatabase.open(server.dsn(), writers=2, readers=2, allow_unsafe_durability=True)
        breaker = database._connections._breaker
        monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", WITHIN * 1000)
        server.stop()
        async with asyncio.timeout(WITHIN):
            while not breaker.open:
                await _refused(database)
                await asyncio.sleep(0)  # a refused connection may fail at once, and the probe needs its turn
        before = tries()
        for _ in range(200):
            await _refused(database)
        assert tries() == before
        server.start()
        monkeypatch.undo()
        paused = breaker._probing
        assert paused is not None
        paused.cancel()  # its pause would not end
        await asyncio.wait([paused])
        breaker.suspect()
        assert breaker._probing is not None
        await asyncio.wait([breaker._probing])
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
    breaker = database._connections._breaker
    breaker.open = True  # as after "too many connections"
    assert await database.write(lambda tx: tx.read_clock()) > 0
    assert await database.read(lambda tx: tx.read_clock()) > 0
    assert breaker.open
    await database.close()
    await postgres.drop(name)
