"""The usual races of queues: cancel against claim, two parents that finish at once; and mutants that must be caught.

`JOBS` jobs of two tasks, four claimers against four cancellers. On PostgreSQL the mutants are the usual mistakes in
SQL. On SQLite one writer hides these mistakes, so the mutant reads outside its write transaction.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter_ns

import pytest
from tests import make
from tests.thorough import THOROUGH

from enginehouse.domain.work import Done, ItemKey, Lease, NewArtifact, Report
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.sql import statements
from enginehouse.storage.jobs import cancellation, creation
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, reports

JOBS = 10_000 if THOROUGH else 1_000
MUTANT_JOBS = 2_000
PORTIONS = 5  # of the jobs that a mutant gets at most: one portion of them is often enough

pytestmark = pytest.mark.usefixtures("own_statements")

Claim = Callable[[Database, Plans], Awaitable[list[int]]]  # returns the job of every task started
Cancel = Callable[[Database, int], Awaitable[bool]]


@dataclass
class Race:
    """What happened: every start with the time when its call began, and when each job's cancel returned success."""

    database: Database
    plans: Plans = field(default_factory=Plans)
    starts: list[tuple[int, int]] = field(default_factory=list)
    cancelled_at: dict[int, int] = field(default_factory=dict)

    async def run(self, count: int, claim: Claim, cancel: Cancel, *, shuffled: bool) -> None:
        new = [make.new_job(make.independent(2)) for _ in range(count)]
        ids: list[int] = []
        for first in range(0, count, 1000):
            ids += await self._create(new[first : first + 1000])
        if shuffled:
            random.Random(7).shuffle(ids)
        await asyncio.gather(
            *(self._claimer(claim) for _ in range(4)), *(self._canceller(cancel, ids[n::4]) for n in range(4))
        )

    async def _create(self, new: list[NewJob]) -> list[int]:
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        return [job_id for job_id, _ in made]

    async def _claimer(self, claim: Claim) -> None:
        empty = 0
        while empty < 3:
            began = perf_counter_ns()
            leases = await claim(self.database, self.plans)
            self.starts += ((job_id, began) for job_id in leases)
            empty = 0 if leases else empty + 1

    async def _canceller(self, cancel: Cancel, ids: list[int]) -> None:
        for job_id in ids:
            if await cancel(self.database, job_id):
                self.cancelled_at[job_id] = perf_counter_ns()

    async def wrong(self) -> int:
        """Tasks of cancelled jobs that started after the cancel, by the rows or by the order of calls."""
        return await _number(self.database, "test.starts_of_cancelled_jobs") + sum(
            began > self.cancelled_at.get(job_id, began) for job_id, began in self.starts
        )


async def _number(database: Database, statement: str) -> int:
    row = await database.read(lambda tx: tx.one(statement))
    assert row is not None
    return int(row[0])


async def real_claim(database: Database, plans: Plans) -> list[int]:
    # One at a time: the claimers then stay at the same jobs as the cancellers, and every step collides.
    leases = await database.write_work(
        lambda tx: claims.claim(tx, plans, pool="native", limit=1, worker="w", lease_micros=60_000_000)
    )
    return [lease.key.job_id for lease in leases]


async def real_cancel(database: Database, job_id: int) -> bool:
    [verdict] = await database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, 1)]))
    return verdict is not None and verdict.done


async def naive_claim(database: Database, plans: Plans) -> list[int]:
    async def start(tx: Tx) -> list[int]:
        rows = await tx.all("test.naive_claim", until=2**62)
        await tx.many("test.naive_start", rows)
        return [row[0] for row in rows]

    return await database.write(start)


async def naive_cancel(database: Database, job_id: int) -> bool:
    return bool(await database.write(lambda tx: tx.run("test.naive_cancel", id=job_id)))


async def looks_before_it_writes(database: Database, plans: Plans) -> list[int]:
    """The SQLite mutant: it decides on a snapshot what may start, and only then begins the write transaction."""

    async def look(tx: Tx) -> list[ItemKey]:
        lane = {"pool": "native", "organization_id": 1, "engine_id": "noop"}
        keys = [ItemKey(*row[-3:]) for row in await tx.all("lanes.first", **lane, now=2**62, most=4)]
        fit = {row[0] for row in await tx.all("work.claimable_jobs", ids=sorted({key.job_id for key in keys}))}
        return [key for key in keys if key.job_id in fit]

    keys = await database.read(look)

    async def start(tx: Tx) -> list[int]:
        await tx.many("test.naive_start", [(key.job_id, key.ordinal) for key in keys])
        await tx.many("work.delete_items", keys)
        return [key.job_id for key in keys]

    return await database.write(start) if keys else []


@pytest.mark.parametrize("shuffled", [False, True], ids=["same-order", "random-order"])
async def test_nothing_starts_after_a_successful_cancel(contended: Database, shuffled: bool) -> None:
    race = Race(contended)
    await race.run(JOBS, real_claim, real_cancel, shuffled=shuffled)
    assert race.starts, "the claimers never won: the race says nothing"
    assert race.cancelled_at, "the cancellers never won: the race says nothing"
    assert await race.wrong() == 0
    assert await _number(contended, "test.cancelled_jobs") == len(race.cancelled_at)
    assert await _number(contended, "test.drifted_jobs") == 0
    assert await _number(contended, "test.items_left") == 2 * (JOBS - len(race.cancelled_at))


def _without_lock(monkeypatch: pytest.MonkeyPatch, statement: str, mutant: str) -> None:
    known = statements("postgres")
    monkeypatch.setitem(known, statement, known[mutant])


async def caught(database: Database, claim: Claim, cancel: Cancel) -> bool:
    """Returns True as soon as a portion of the jobs shows what is wrong with the mutant."""
    for _ in range(PORTIONS):
        race = Race(database)
        await race.run(MUTANT_JOBS // PORTIONS, claim, cancel, shuffled=False)
        if await race.wrong():
            return True
    return False


async def test_the_naive_sql_is_caught_on_postgresql(wide_postgres: Database) -> None:
    assert await caught(wide_postgres, naive_claim, naive_cancel)


async def test_a_cancel_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_lock(monkeypatch, "jobs.lock_to_cancel", "test.lock_to_cancel_unlocked")
    assert await caught(wide_postgres, real_claim, real_cancel)


async def test_a_look_outside_the_transaction_is_caught_on_sqlite(sqlite_database: Database) -> None:
    assert await caught(sqlite_database, looks_before_it_writes, real_cancel)


FAN_INS = 200


async def _lost_children(database: Database) -> int:
    """Finishes both parents of every child at once, in separate transactions. Returns how many children got nothing."""
    plans = Plans()
    tasks = make.fan_out(2)
    await database.write_work(lambda tx: creation.create(tx, plans, [make.new_job(tasks) for _ in range(FAN_INS)]))
    for folder in (0, 1):
        for lease in await _claim_all(database, plans):
            await _finish(database, plans, lease, make.outputs(folder, 1))
    readers = await _claim_all(database, plans)
    assert len(readers) == 2 * FAN_INS
    await asyncio.gather(*(_finish(database, plans, lease, make.outputs(1, 1)) for lease in readers))
    return FAN_INS - len(await _claim_all(database, plans))


async def _claim_all(database: Database, plans: Plans) -> list[Lease]:
    return await database.write_work(
        lambda tx: claims.claim(tx, plans, pool="native", limit=1000, worker="w", lease_micros=60_000_000)
    )


async def _finish(database: Database, plans: Plans, lease: Lease, outputs: tuple[NewArtifact, ...]) -> None:
    report = Report(lease.key, lease.token, Done(outputs))
    await database.write_work(lambda tx: reports.finish(tx, plans, [report]))


async def test_no_child_is_lost_when_its_parents_finish_at_once(contended: Database) -> None:
    assert await _lost_children(contended) == 0
    assert await _number(contended, "test.drifted_jobs") == 0


async def test_a_finish_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_lock(monkeypatch, "work.lock_jobs", "test.lock_jobs_unlocked")
    assert await _lost_children(wide_postgres) > 0
