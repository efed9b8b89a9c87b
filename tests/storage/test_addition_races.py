"""Additions against cancels, claims, reports and each other, on the same jobs: exactly one wins, and the loser knows.

Jobs of two tasks, of which the second may read the first. Each contender goes through all jobs in its own order.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter_ns
from types import SimpleNamespace

import asyncpg
import pytest
from tests import make
from tests.thorough import THOROUGH

from enginehouse.domain.errors import NoMoreTasks, Refusal
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.planning.additions import Addition
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED
from enginehouse.domain.work import Accepted, Done, Failed, ItemKey, Lease, Report
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.sql import statements
from enginehouse.storage.jobs import additions, cancellation, creation, queries
from enginehouse.storage.jobs.additions import Added
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, job_locks, reports

JOBS = 1_000 if THOROUGH else 200
LEASE = 60_000_000
WAITER = TaskRequest(engine_id="stream", reference="w", folders=(make.folder("w-in", "stream", "input"),))

pytestmark = pytest.mark.usefixtures("own_statements")


@dataclass
class Contest:
    """The calls of all contenders: when each that was accepted began, and when each that closed a job returned.

    Every contender has its own plans, as servers of their own would.
    """

    database: Database
    ids: list[int] = field(default_factory=list)
    added: list[tuple[int, int, int]] = field(default_factory=list)  # (job, ordinal, when the call began)
    started: list[tuple[int, int]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    cancelled_at: dict[int, int] = field(default_factory=dict)
    ended_at: dict[int, int] = field(default_factory=dict)
    ended_again: int = 0

    async def run(self) -> None:
        new = [make.new_job(make.chain(2) if n % 2 else make.independent(2)) for n in range(JOBS)]
        made = await self.database.write_work(lambda tx: creation.create(tx, Plans(), new))
        self.ids = [job_id for job_id, _ in made]
        await asyncio.gather(
            *(self._add(random.Random(n)) for n in range(3)),
            *(self._work(random.Random(9 + n)) for n in range(3)),
            self._cancel(self.ids[::3]),
        )
        await self._work(random.Random(99))

    async def _add(self, chance: random.Random) -> None:
        plans, order = Plans(), list(self.ids)
        if chance.random() < 0.5:
            chance.shuffle(order)
        for job_id in order:
            parent = chance.choice([None, task_graphql(job_id, 0)])
            engine = "noop" if parent is None else "stream"
            await self.add(plans, make.addition(job_id, engine, parent=parent))
            await asyncio.sleep(0)

    async def add(self, plans: Plans, new: Addition) -> Added | Refusal:
        began = perf_counter_ns()
        outcome = await self.database.write_work(lambda tx: additions.add(tx, plans, [new], max_tasks=100))
        [answer] = outcome.answers
        if isinstance(answer, Added):
            self.added.append((answer.job_id, answer.ordinal, began))
        else:
            assert isinstance(answer, NoMoreTasks), answer
            self.refused[answer.message] += 1
        return answer

    async def _work(self, chance: random.Random) -> None:
        plans, empty = Plans(), 0
        while empty < 3:
            began = perf_counter_ns()
            leases = await self.database.write_work(
                lambda tx: claims.claim(tx, plans, pool="native", limit=3, worker="w", lease_micros=LEASE)
            )
            self.started += ((lease.key.job_id, began) for lease in leases)
            for lease in leases:
                await self._finish(plans, lease, chance)
            empty = 0 if leases else empty + 1

    async def _finish(self, plans: Plans, lease: Lease, chance: random.Random) -> None:
        outcome = Done(make.outputs(0, 1)) if chance.random() < 0.9 else Failed(FailureKind.INVALID_DATA, "no")
        report = Report(lease.key, lease.token, outcome)
        [answer] = await self.database.write_work(lambda tx: reports.finish(tx, plans, [report]))
        if isinstance(answer, Accepted) and answer.job_ended:
            self.ended_again += lease.key.job_id in self.ended_at
            self.ended_at[lease.key.job_id] = perf_counter_ns()

    async def _cancel(self, ids: list[int]) -> None:
        for job_id in ids:
            [verdict] = await self.database.write_work(
                lambda tx, job_id=job_id: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)])  # type: ignore[misc]
            )
            if verdict is not None and verdict.done:
                self.cancelled_at[job_id] = perf_counter_ns()
            await asyncio.sleep(0)

    async def wrong(self) -> list[str]:
        """What the rows and the order of the calls say that must not be."""
        found = [f"job {job_id} ended twice" for job_id in self.ids if self.ended_again]
        closed = {**self.ended_at, **self.cancelled_at}
        found += [f"job {j} took task {n} after its end" for j, n, at in self.added if at > closed.get(j, at)]
        found += [f"job {j} started after its cancel" for j, at in self.started if at > self.cancelled_at.get(j, at)]
        jobs = await self.database.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, self.ids))
        took = Counter(job_id for job_id, _, _ in self.added)
        for job in jobs.values():
            if len(job.tasks) != 2 + took[job.id] or len(job.plan.tasks) != len(job.tasks):
                found.append(f"job {job.id} has {len(job.tasks)} tasks, {took[job.id]} were added")
            if job.id in self.cancelled_at and any(task.attempts for task in job.tasks):
                found.append(f"job {job.id} is cancelled and a task of it started")
            if job.status not in JOB_ENDED or any(task.status not in TASK_ENDED for task in job.tasks):
                found.append(f"job {job.id} is {job.status}: {[task.status.value for task in job.tasks]}")
        _, disagreements = await self.database.read(consistency.check_jobs)
        return found + [each.text for each in disagreements]


async def test_a_job_ends_with_all_that_was_added_and_takes_nothing_afterwards(contended: Database) -> None:
    contest = Contest(contended)
    await contest.run()
    assert contest.added, "nothing was added: the race says nothing"
    assert contest.cancelled_at.keys() & {job_id for job_id, _, _ in contest.added}, "no cancel met an addition"
    assert set(contest.refused) >= {
        f"Job is {word}; tasks can no longer be added." for word in ("cancelled", "complete", "failed")
    }
    assert await contest.wrong() == []


async def _unlocked(tx: Tx, job_ids: set[int]) -> dict[int, job_locks.LockedJob]:
    rows = await tx.all("test.lock_jobs_unlocked", ids=sorted(job_ids))
    return {row[0]: job_locks.LockedJob(*row) for row in rows}


async def test_an_addition_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = SimpleNamespace(lock=_unlocked, revisions=job_locks.revisions, state=job_locks.state)
    monkeypatch.setattr(additions, "job_locks", blind)
    assert await _goes_wrong(wide_postgres)


async def _goes_wrong(database: Database) -> bool:
    """True if the database refuses a row, or the rows or the calls contradict each other."""
    contest = Contest(database)
    try:
        await contest.run()
    except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError):
        return True
    return bool(await contest.wrong())


async def test_a_report_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = statements("postgres")
    monkeypatch.setitem(known, "work.lock_jobs", known["test.lock_jobs_unlocked"])
    assert await _goes_wrong(wide_postgres)


async def test_two_jobs_do_not_take_the_same_id(contended: Database) -> None:
    plans = Plans()
    new = [make.new_job(make.independent(1)) for _ in range(60)]
    made = await contended.write_work(lambda tx: creation.create(tx, plans, new))
    for n in range(0, 60, 2):
        given = f"g{n}"
        both = [
            make.addition(job_id, TaskRequest(engine_id="noop", reference=given), given_id=given, digest=str(job_id))
            for job_id, _ in made[n : n + 2]
        ]

        async def add(each: Addition) -> Added | Refusal:
            outcome = await contended.write_work(lambda tx: additions.add(tx, plans, [each], max_tasks=9))
            return outcome.answers[0]

        answers = await asyncio.gather(*map(add, both))
        assert sorted(type(answer).__name__ for answer in answers) == ["Added", "InvalidInput"]


async def _children_that_never_start(database: Database) -> int:
    """Adds a route into a waiting task while its parent ends. Returns how many children do not run afterwards."""
    plans = Plans()
    tasks = (TaskRequest(engine_id="ingest", reference="p", folders=(make.folder("o", "stream", "output"),)), WAITER)
    new = [make.new_job(JobRequest(tasks=tasks)) for _ in range(JOBS)]
    made = await database.write_work(lambda tx: creation.create(tx, plans, new))
    leases = await _claim(database, plans, JOBS, "ingest")
    order = list(leases)
    random.Random(3).shuffle(order)
    elsewhere = Plans()

    async def route(job_id: int) -> None:
        new_route = make.new_route(job_id, "p", "w")
        outcome = await database.write_work(lambda tx: additions.add(tx, elsewhere, [new_route], max_tasks=9))
        assert isinstance(outcome.answers[0], Added), outcome.answers[0]

    async def finish(lease: Lease) -> None:
        report = Report(lease.key, lease.token, Done(make.outputs(0, 1)))
        await database.write_work(lambda tx: reports.finish(tx, plans, [report]))

    await asyncio.gather(*(step for lease in order for step in (route(lease.key.job_id), finish(lease))))
    return len(made) - len(await _claim(database, plans, JOBS + 1, "stream"))


async def _claim(database: Database, plans: Plans, limit: int, engine: str) -> list[Lease]:
    """Leases items of one engine only."""

    async def take(tx: Tx) -> list[Lease]:
        rows = await tx.all("test.items_of_engine", engine_id=engine, most=limit)
        jobs = await job_locks.lock(tx, {row[0] for row in rows})
        loaded = await plans.load(tx, job_locks.revisions(jobs.values()))
        keys = [ItemKey(*row) for row in rows]
        return await claims.lease(tx, keys, jobs, loaded, workers=dict.fromkeys(keys, "w"), until=2**62)

    return await database.write_work(take)


async def test_a_route_that_is_added_while_the_parent_ends_loses_no_child(contended: Database) -> None:
    assert await _children_that_never_start(contended) == 0
