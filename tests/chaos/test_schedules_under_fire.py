"""Several servers on one PostgreSQL are killed, paused and given wrong times: every slot fires or is skipped, once.

`make test` runs a small version. `make chaos` runs it with 10 000 schedules of 1 s to 1 h, for a given time. The seed
is printed. `CHAOS_SEED` repeats the same schedules and strikes (chance decides the exact moment of a strike).
"""

import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest
from tests.acceptance.server import until
from tests.chaos import ledger
from tests.chaos.fleet import Member, fleet
from tests.chaos.ledger import Books, Spec
from tests.postgres import FSYNC, started
from tests.thorough import THOROUGH

from enginehouse.domain.times import SECOND
from enginehouse.storage.database.postgres import PostgresDatabase

SCHEDULES = int(os.environ.get("CHAOS_SCHEDULES", "10000" if THOROUGH else "120"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "600" if THOROUGH else "2"))
LONGEST = 3600 if THOROUGH else 5  # seconds
STRIKES = 30 if THOROUGH else 2  # at least
SERVERS = 3 if THOROUGH else 2
WHOLE = 5_000_000  # after this many slots without a fault, faults are rare enough
TEN_YEARS = 10 * 365 * 86_400

Strike = Callable[[Member], Awaitable[None]]


@pytest.fixture
def dsn() -> Iterator[str]:
    """Yields a PostgreSQL that stores when each transaction was committed."""
    with started("track_commit_timestamp=on", "max_connections=200") as server:
        yield server.dsn()


class Fire:
    """Strikes one server after the other, and checks that schedules fire meanwhile."""

    def __init__(self, chance: random.Random, members: Sequence[Member], connection: asyncpg.Connection) -> None:
        self._chance = chance
        self._members = members
        self._connection = connection
        self.strikes = 0

    async def fired(self) -> int:
        found: int = await self._connection.fetchval("SELECT COALESCE(SUM(fired + skipped), 0) FROM scheduled_job")
        return found

    async def goes_on(self, slots: int) -> None:
        """The remaining servers have decided `slots` more slots."""
        wanted = await self.fired() + slots

        async def enough() -> bool:
            return await self.fired() >= wanted

        await until(enough, f"{slots} more slots are settled after strike {self.strikes}", seconds=120)

    async def missed(self, schedules: int) -> None:
        """`schedules` schedules are overdue, because no server fires them."""

        async def enough() -> bool:
            return await ledger.overdue(self._connection, await ledger.now(self._connection)) >= schedules

        await until(enough, f"{schedules} schedules are overdue", seconds=120)

    async def strike(self) -> None:
        """One server was struck, the others went on, and all run again."""
        self.strikes += 1
        member = self._chance.choice(self._members)
        match self._chance.choices(["kill", "pause", "step", "kill the rest", "kill all"], [4, 4, 4, 1, 1])[0]:
            case "kill":
                member.server.kill()
                await self.goes_on(10)
                await member.start_again()
            case "pause":
                member.pause()
                await self.goes_on(self._chance.choice((3, 30, 100)))
                member.go_on()
            case "step":
                member.step(self._chance.choice((-TEN_YEARS, -3600, -1, 0, 1, 3600, TEN_YEARS)))
                await self.goes_on(5)
            case "kill the rest":
                rest = [other for other in self._members if other is not member]
                await self._killed(rest, self.goes_on(20))
            case _:
                await self._killed(self._members, self.missed(20))

    async def _killed(self, members: Sequence[Member], meanwhile: Awaitable[None]) -> None:
        for member in members:
            member.server.kill()
        await meanwhile
        await asyncio.gather(*(member.start_again() for member in members))


@pytest.mark.slow
async def test_every_slot_is_fired_or_skipped_once_whatever_befalls_the_servers(dsn: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
    sys.stdout.write(f"\nseed {seed}\n")
    chance = random.Random(seed)
    connection = await asyncpg.connect(dsn)
    with fleet(tmp_path, dsn, SERVERS) as members:
        specs = await _stored(dsn, connection, chance)
        fire = Fire(chance, members, connection)
        calm = await ledger.now(connection)
        await fire.goes_on(SCHEDULES // 10)
        await _lasting(connection, calm, SECONDS / 3)
        stormy = await ledger.now(connection)
        while fire.strikes < STRIKES or await ledger.now(connection) < stormy + SECONDS * SECOND:
            await fire.strike()
        await _decades_apart(members)
        await fire.goes_on(SCHEDULES // 4)
        last = await ledger.now(connection)
        await _passed(connection, last)
        for member in members:
            member.server.kill()
        books = await ledger.audited(connection, specs)
    _tell(books, fire.strikes, (calm, stormy, last))
    assert books.fired > SCHEDULES // 10
    await connection.close()


async def _stored(dsn: str, connection: asyncpg.Connection, chance: random.Random) -> dict[int, Spec]:
    database = await PostgresDatabase.open(dsn, writers=1, readers=1, allow_unsafe_durability=FSYNC == "off")
    organization_id = await connection.fetchval("SELECT MIN(id) FROM organization")
    drawn = ledger.drawn(chance, SCHEDULES, longest=LONGEST, now=await ledger.now(connection))
    specs = await ledger.store(database, organization_id, drawn)
    await database.close()
    return specs


async def _decades_apart(members: Sequence[Member]) -> None:
    """Two servers have clocks twenty years apart and show it, so the steps work."""
    early, late, *_ = members
    early.step(-TEN_YEARS)
    late.step(TEN_YEARS)

    async def shown() -> bool:
        return await late.year() - await early.year() >= 19

    await until(shown, "the servers' clocks are twenty years apart")
    # For its first duties everything is ten years old.
    late.server.kill()
    await late.start_again()


async def _lasting(connection: asyncpg.Connection, since: int, seconds: float) -> None:
    async def over() -> bool:
        return await ledger.now(connection) >= since + seconds * SECOND

    await until(over, "the calm is over", seconds=seconds + 60)


async def _passed(connection: asyncpg.Connection, moment: int) -> None:
    """Every slot that was due by the moment is decided."""

    async def nothing_left() -> bool:
        return await ledger.overdue(connection, moment) == 0

    await until(nothing_left, "the servers have caught up", seconds=180)


def _tell(books: Books, strikes: int, moments: tuple[int, int, int]) -> None:
    calm, stormy, last = moments

    def late(since: int, until_: int) -> str:
        return f"{books.percentile(0.5, since, until_):.3f} s, {books.percentile(0.99, since, until_):.3f} s"

    sys.stdout.write(
        f"{SCHEDULES} schedules, {SERVERS} servers, {strikes} strikes in {(last - stormy) / SECOND:.0f} s: "
        f"{books.slots} slots, {books.fired} fired, {books.skipped} skipped, {books.queued} waiting\n"
        f"late (median, 99 %): {late(calm, stormy)} in {(stormy - calm) / SECOND:.0f} s of calm; "
        f"{late(stormy, last)} under fire\n"
    )
    if THOROUGH:
        rate = books.slots / ((last - calm) / SECOND)
        sys.stdout.write(f"{rate:.0f} slots a second; {WHOLE:,} need FIRE={WHOLE / rate:.0f}\n")
