"""A stop against every concurrent action on a job: claims, reports, heartbeats, losses, retries.

Independent contenders claim, report, lose and stop jobs of two tasks and of a chain.
"""

import asyncio
import random
from dataclasses import dataclass, field
from time import perf_counter_ns

import pytest
from tests import make
from tests.thorough import THOROUGH

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import cancellation, creation, stops
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, reports
from enginehouse.storage.work import leases as work_leases

JOBS = 1_000 if THOROUGH else 300
KINDS = (FailureKind.WORKER_LOST, FailureKind.SERVER_STOPPED, FailureKind.INTERNAL_ERROR, FailureKind.STOP_REQUESTED)

pytestmark = pytest.mark.usefixtures("own_statements")


@dataclass
class Contest:
    """The calls of all contenders, with the time when each call began and when each stop returned."""

    database: Database
    plans: Plans = field(default_factory=Plans)
    leases: list[Lease] = field(default_factory=list)
    started: list[tuple[int, int]] = field(default_factory=list)
    results: list[tuple[int, int]] = field(default_factory=list)
    stopped_at: dict[int, int] = field(default_factory=dict)
    running_when_stopped: int = 0
    stopping: int = 4

    async def run(self) -> None:
        new = [make.new_job(make.chain(3) if n % 4 == 0 else make.independent(2)) for n in range(JOBS)]
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        ids = [job_id for job_id, _ in made]
        await asyncio.gather(
            *(self._claim(random.Random(n)) for n in range(2)),
            *(self._report(random.Random(n)) for n in range(2)),
            *(self._stop(ids[n::4]) for n in range(4)),
            self._beat(),
        )
        while self.leases:
            await self._end(self.leases.pop(), random.Random(1))

    @property
    def over(self) -> bool:
        return self.stopping == 0

    async def _claim(self, chance: random.Random) -> None:
        while not self.over:
            began, limit = perf_counter_ns(), chance.randint(1, 8)
            leases = await self.database.write_work(
                lambda tx, limit=limit: claims.claim(  # type: ignore[misc]
                    tx, self.plans, pool="native", limit=limit, worker="w", lease_micros=60_000_000
                )
            )
            self.started += ((lease.key.job_id, began) for lease in leases)
            self.leases += leases
            await asyncio.sleep(0)

    async def _report(self, chance: random.Random) -> None:
        while not self.over:
            if self.leases:
                await self._end(self.leases.pop(chance.randrange(len(self.leases))), chance)
            await asyncio.sleep(0)

    async def _end(self, lease: Lease, chance: random.Random) -> None:
        outcome = Failed(chance.choice(KINDS), "no") if chance.random() < 0.4 else Done(make.outputs(0, 1))
        began = perf_counter_ns()
        [answer] = await self.database.write_work(
            lambda tx: reports.finish(tx, self.plans, [Report(lease.key, lease.token, outcome)])
        )
        if isinstance(answer, Accepted) and isinstance(outcome, Done):
            self.results.append((lease.key.job_id, began))

    async def _beat(self) -> None:
        while not self.over:
            held = [(lease.key, lease.token) for lease in self.leases]
            kept = await self.database.write(lambda tx, held=held: work_leases.heartbeat(tx, held, lease_micros=10**8))  # type: ignore[misc]
            told = [key for key, to_stop in kept.items() if to_stop]
            if told:
                await self.database.write(lambda tx, told=told: stops.signalled(tx, told))  # type: ignore[misc]
            await asyncio.sleep(0)

    async def _stop(self, ids: list[int]) -> None:
        for job_id in ids:
            [verdict] = await self.database.write_work(
                lambda tx, job_id=job_id: cancellation.cancel(  # type: ignore[misc]
                    tx, [(job_id, make.ORGANIZATION)], include_running=True
                )
            )
            assert verdict is not None
            if verdict.done:
                self.stopped_at[job_id] = perf_counter_ns()
                self.running_when_stopped += verdict.stopping > 0
        self.stopping -= 1


async def test_whatever_goes_on_a_stopped_job_starts_and_accepts_nothing_and_ends(contended: Database) -> None:
    contest = Contest(contended)
    await contest.run()
    assert contest.running_when_stopped > 0, "nothing ran when it was stopped: the race says nothing"
    assert contest.results, "no result was accepted: the race says nothing"
    for job_id, began in (*contest.started, *contest.results):
        assert began <= contest.stopped_at.get(job_id, began)
    rows = {row[0]: row for row in await contended.read(lambda tx: tx.all("test.job_rows"))}
    for job_id in contest.stopped_at:
        assert (rows[job_id][1], bool(rows[job_id][2]), rows[job_id][13]) == ("aborted", True, 0)
    left = {row[0] for row in await contended.read(lambda tx: tx.all("test.item_rows"))}
    assert not left & contest.stopped_at.keys()
    looked, found = await contended.read(consistency.check_jobs)
    assert (looked, found) == (JOBS, [])
