"""Updates of engines outside against cancels, stops, claims of workers, and each other, on the same jobs."""

import asyncio
import random
from dataclasses import dataclass, field
from time import perf_counter_ns

import asyncpg
import pytest
from tests import make
from tests.thorough import THOROUGH

from enginehouse.domain.retry import FailureKind
from enginehouse.domain.task_updates import OUTSIDE, TaskUpdate, UpdateStatus
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation, creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, reports, task_updates

JOBS = 1_000 if THOROUGH else 120
LEASE = 60_000_000
S = UpdateStatus

pytestmark = pytest.mark.usefixtures("own_statements")


@dataclass
class Contest:
    """The calls of all contenders: when each accepted call began, and when each cancel returned."""

    database: Database
    plans: Plans = field(default_factory=Plans)
    ids: list[int] = field(default_factory=list)
    started: list[tuple[int, int]] = field(default_factory=list)
    results: list[tuple[int, int]] = field(default_factory=list)
    ends: dict[tuple[int, int], int] = field(default_factory=dict)  # how many results of each task were accepted
    cancelled_at: dict[int, int] = field(default_factory=dict)
    claimed: int = 0
    stopped: int = 0

    async def run(self) -> None:
        new = [make.new_job(make.chain(2) if n % 4 == 0 else make.independent(2)) for n in range(JOBS)]
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        self.ids = [job_id for job_id, _ in made]
        for job_id in self.ids[::8]:  # some of those that are stopped run in any case
            await self._say(job_id, 0, S.RUNNING)
        await asyncio.gather(
            *(self._update(random.Random(n)) for n in range(4)),
            *(self._cancel(self.ids[n::4], includes_running=n % 2 == 0) for n in range(2)),
            self._work(random.Random(9)),
        )

    async def _update(self, chance: random.Random) -> None:
        order = [(job_id, ordinal) for job_id in self.ids for ordinal in (0, 1)]
        if chance.random() < 0.5:
            chance.shuffle(order)  # the others stay at the same jobs as the cancels
        for job_id, ordinal in order:
            for status in (S.RUNNING, chance.choice([S.COMPLETE, S.COMPLETE, S.FAILED])):
                await self._say(job_id, ordinal, status)

    async def _say(self, job_id: int, ordinal: int, status: UpdateStatus) -> None:
        update = TaskUpdate(
            organization_id=make.ORGANIZATION, job_id=job_id, ordinal=ordinal, status=status, holder=f"{OUTSIDE}x",
            failure_kind=FailureKind.OTHER, outputs=tuple(make.outputs(-1, 1)) if status is S.COMPLETE else (),
        )  # fmt: skip
        began = perf_counter_ns()
        outcome = await self.database.write_work(
            lambda tx: task_updates.apply(tx, self.plans, update, lease_micros=LEASE)
        )
        assert outcome is not None
        if outcome.applied and outcome.refused is None:
            match status:
                case S.RUNNING:
                    self.started.append((job_id, began))
                case S.COMPLETE:
                    self._count(job_id, ordinal, began)
                case S.FAILED:
                    pass

    def _count(self, job_id: int, ordinal: int, began: int) -> None:
        self.results.append((job_id, began))
        self.ends[job_id, ordinal] = self.ends.get((job_id, ordinal), 0) + 1

    async def _cancel(self, ids: list[int], *, includes_running: bool) -> None:
        for job_id in ids:
            [verdict] = await self.database.write_work(
                lambda tx, job_id=job_id: cancellation.cancel(  # type: ignore[misc]
                    tx, [(job_id, make.ORGANIZATION)], include_running=includes_running
                )
            )
            assert verdict is not None
            if verdict.done:
                self.cancelled_at[job_id] = perf_counter_ns()
                self.stopped += verdict.stopping > 0

    async def _work(self, chance: random.Random) -> None:
        empty = 0
        while empty < 3:
            began = perf_counter_ns()
            leases = await self.database.write_work(
                lambda tx: claims.claim(tx, self.plans, pool="native", limit=2, worker="w", lease_micros=LEASE)
            )
            self.claimed += len(leases)
            self.started += ((lease.key.job_id, began) for lease in leases)
            for lease in leases:
                await self._finish(lease, chance)
            empty = 0 if leases else empty + 1

    async def _finish(self, lease: Lease, chance: random.Random) -> None:
        outcome = Done(make.outputs(0, 1)) if chance.random() < 0.7 else Failed(FailureKind.INVALID_DATA, "no")
        began = perf_counter_ns()
        [answer] = await self.database.write_work(
            lambda tx: reports.finish(tx, self.plans, [Report(lease.key, lease.token, outcome)])
        )
        if isinstance(answer, Accepted) and isinstance(outcome, Done):
            self._count(lease.key.job_id, lease.key.ordinal, began)


async def test_a_cancelled_job_starts_and_accepts_nothing_whoever_moves_it(contended: Database) -> None:
    contest = Contest(contended)
    await contest.run()
    assert contest.cancelled_at, "no cancel won: the race says nothing"
    assert contest.stopped, "nothing ran when it was stopped: the race says nothing"
    assert contest.results, "no result was accepted: the race says nothing"
    assert contest.claimed, "no worker won: the race says nothing"
    for job_id, began in (*contest.started, *contest.results):
        assert began <= contest.cancelled_at.get(job_id, began)
    assert set(contest.ends.values()) == {1}, "a task has ended twice"
    looked, found = await contended.read(consistency.check_jobs)
    assert (looked, found) == (JOBS, [])


WAITING = """SELECT COUNT(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()"""


@pytest.mark.parametrize("status", [S.RUNNING, S.COMPLETE])
async def test_an_update_waits_for_a_cancel_that_is_not_committed_yet_and_then_does_not_count(
    postgres_database: Database, postgres_dsn: str, status: UpdateStatus
) -> None:
    plans = Plans()
    new = [make.new_job(make.independent(1))]
    [(job_id, _)] = await postgres_database.write_work(lambda tx: creation.create(tx, plans, new))
    cancelled, commit = asyncio.Event(), asyncio.Event()

    async def cancel(tx: Tx) -> None:
        await cancellation.cancel(tx, [(job_id, make.ORGANIZATION)])
        cancelled.set()
        await commit.wait()

    update = TaskUpdate(
        organization_id=make.ORGANIZATION, job_id=job_id, ordinal=0, status=status, holder=f"{OUTSIDE}x",
        failure_kind=FailureKind.OTHER, outputs=(),
    )  # fmt: skip
    cancelling = asyncio.create_task(postgres_database.write_work(cancel))
    await cancelled.wait()
    updating = asyncio.create_task(
        postgres_database.write_work(lambda tx: task_updates.apply(tx, plans, update, lease_micros=LEASE))
    )
    watching = await asyncpg.connect(postgres_dsn)
    try:
        async with asyncio.timeout(20):
            while not await watching.fetchval(WAITING):
                assert not updating.done(), "it was answered while the cancel was under way"
    finally:
        await watching.close()
    commit.set()
    await cancelling
    outcome = await updating
    assert outcome is not None
    assert outcome.refused is not None
    assert await postgres_database.read(consistency.check_jobs) == (1, [])
