"""Pushes against cancels, claims, reports and closings, on the same jobs: each push is worked on, or was refused.

Each contender goes through all jobs in its own order, as a server of its own would.
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

from enginehouse.domain.artifact import pushed_folder
from enginehouse.domain.errors import EndpointClosed, InvalidInput
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage import artifacts, consistency
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import cancellation, creation, queries
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.pushes import pushes
from enginehouse.storage.work import claims, job_locks, reports, task_statuses
from enginehouse.storage.work.task_statuses import NamedTask

JOBS = 600 if THOROUGH else 120
ROUNDS = 3
LEASE = 60_000_000

pytestmark = pytest.mark.usefixtures("own_statements")


def endpoint(n: int) -> str:
    """Two of the first jobs share an endpoint, the others have their own."""
    return f"00000000-0000-4000-8000-{n // 2 if n < JOBS // 2 else n:012x}"


@dataclass
class Contest:
    """The calls of all contenders: when each that was accepted began, and when each that ended something returned."""

    database: Database
    seed: int = 0
    ids: list[int] = field(default_factory=list)
    pushed: list[tuple[int, int]] = field(default_factory=list)  # (job, when the call began)
    started: list[tuple[int, int]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    cancelled_at: dict[int, int] = field(default_factory=dict)
    closed_at: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        new = [make.new_job(make.pushed(adapter=n % 3 > 0, endpoint=endpoint(n), sync=n % 5 == 0)) for n in range(JOBS)]
        made = await self.database.write_work(lambda tx: creation.create(tx, Plans(), new))
        self.ids = [job_id for job_id, _ in made]
        await asyncio.gather(
            *(self._push(random.Random(f"{self.seed} push {n}")) for n in range(3)),
            *(self._work(random.Random(f"{self.seed} work {n}")) for n in range(3)),
            self._cancel(self.ids[::3]),
            self._close(random.Random(f"{self.seed} close")),
        )
        await self._work(random.Random(f"{self.seed} rest"))

    async def _push(self, chance: random.Random) -> None:
        plans = Plans()
        for round_ in range(ROUNDS):
            order = sorted({endpoint(n) for n in range(JOBS)})
            if chance.random() < 0.5:
                chance.shuffle(order)
            for each in order:
                await self._push_to(plans, each, f"{each}-{round_}")
                await asyncio.sleep(0)

    async def _push_to(self, plans: Plans, place: str, name: str) -> None:
        new = make.new_push(name, endpoint=place)
        began = perf_counter_ns()
        try:
            taken = await self.database.write_work(lambda tx: pushes.push(tx, plans, new))
        except EndpointClosed as refused:
            self.refused[refused.message.split(";")[0].split(" ", 2)[2]] += 1
        else:
            self.pushed += [(job_id, began) for job_id in taken.job_ids]

    async def _work(self, chance: random.Random) -> None:
        plans, empty = Plans(), 0
        while empty < 3:
            began = perf_counter_ns()
            leases = await self.database.write_work(
                lambda tx: claims.claim(tx, plans, pool="native", limit=5, worker="w", lease_micros=LEASE)
            )
            self.started += ((lease.key.job_id, began) for lease in leases)
            for lease in leases:
                await self._finish(plans, lease, chance)
            empty = 0 if leases else empty + 1
            await asyncio.sleep(0)

    async def _finish(self, plans: Plans, lease: Lease, chance: random.Random) -> None:
        outcome = Done(make.outputs(1, 1)) if chance.random() < 0.8 else Failed(FailureKind.INVALID_DATA, "no")
        report = Report(lease.key, lease.token, outcome)
        [answer] = await self.database.write_work(lambda tx: reports.finish(tx, plans, [report]))
        if isinstance(answer, Accepted) and answer.job_ended:
            self.closed_at.setdefault(lease.key.job_id, perf_counter_ns())

    async def _cancel(self, ids: list[int]) -> None:
        plans = Plans()
        for turn, job_id in enumerate(ids):
            if turn % 5 == 0:  # else it is chance whether any of these jobs has taken a push that nobody works on yet
                place = endpoint(self.ids.index(job_id))
                await self._push_to(plans, place, f"{place}-last")
            [verdict] = await self.database.write_work(
                lambda tx, job_id=job_id: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)])  # type: ignore[misc]
            )
            if verdict is not None and verdict.done:
                self.cancelled_at[job_id] = perf_counter_ns()
            await asyncio.sleep(0)

    async def _close(self, chance: random.Random) -> None:
        plans, order = Plans(), [n for n in range(JOBS) if n % 4 == 1]
        chance.shuffle(order)
        for n in order:
            named = [NamedTask(self.ids[n], 2 if n % 3 > 0 else 0, "taskIDs[0]", "t")]
            try:
                await self.database.write_work(
                    lambda tx, named=named: task_statuses.close(tx, plans, make.ORGANIZATION, named)  # type: ignore[misc]
                )
            except InvalidInput:
                continue  # it was cancelled
            self.closed_at[self.ids[n]] = perf_counter_ns()
            for _ in range(5):
                await asyncio.sleep(0)

    async def wrong(self) -> list[str]:
        """What the rows and the order of the calls say that must not be."""
        over = {**self.closed_at, **self.cancelled_at}
        found = [f"job {j} took a push after its end" for j, at in self.pushed if at > over.get(j, at)]
        found += [f"job {j} started after its cancel" for j, at in self.started if at > self.cancelled_at.get(j, at)]
        jobs = await self.database.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, self.ids))
        took = Counter(job_id for job_id, _ in self.pushed)
        places = [(job_id, 0, pushed_folder(0)) for job_id in self.ids]
        chunks = Counter(row.job_id for row in await self.database.read(lambda tx: artifacts.inputs(tx, places)))
        for job in jobs.values():
            if not chunks[job.id] == took[job.id] == job.tasks[0].items:
                counts = f"{chunks[job.id]} chunks and {job.tasks[0].items} items"
                found.append(f"job {job.id} has {counts}, {took[job.id]} were pushed")
            if job.id in self.cancelled_at:
                if any(task.attempts for task in job.tasks):
                    found.append(f"job {job.id} is cancelled and a task of it started")
            elif any(task.items_open for task in job.tasks):
                found.append(f"job {job.id} has items that nobody works on")
            elif (job.status in JOB_ENDED) != (job.id in self.closed_at):
                found.append(f"job {job.id} is {job.status}: {[task.status.value for task in job.tasks]}")
            elif job.status in JOB_ENDED and any(task.status not in TASK_ENDED for task in job.tasks):
                found.append(f"job {job.id} has ended with {[task.status.value for task in job.tasks]}")
        _, disagreements = await self.database.read(consistency.check_jobs)
        return found + [each.text for each in disagreements]


@pytest.mark.parametrize("seed", range(5) if THOROUGH else range(1))
async def test_each_push_is_worked_on_once_or_was_refused(contended: Database, seed: int) -> None:
    contest = Contest(contended, seed)
    await contest.run()
    assert await contest.wrong() == []
    assert set(contest.refused) >= {"is cancelled", "is complete"}, "no push met an end: the race says nothing"
    took = {job_id for job_id, _ in contest.pushed}
    assert contest.closed_at.keys() & took, "no job with a push was closed"
    assert contest.cancelled_at.keys() & took, "no job with a push was cancelled"
    jobs = await contended.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, contest.ids))
    assert {job.status for job in jobs.values()} >= {JobStatus.RUNNING, JobStatus.COMPLETE, JobStatus.ABORTED}


async def _unlocked(tx: object, job_ids: list[int]) -> dict[int, job_locks.LockedJob]:
    rows = await tx.all("test.lock_jobs_unlocked", ids=sorted(job_ids))  # type: ignore[attr-defined]
    return {row[0]: job_locks.LockedJob(*row) for row in rows}


async def test_a_push_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = SimpleNamespace(lock=_unlocked, revisions=job_locks.revisions, state=job_locks.state)
    monkeypatch.setattr(pushes, "job_locks", blind)
    contest = Contest(wide_postgres)
    try:
        await contest.run()
    except (asyncpg.UniqueViolationError, asyncpg.CheckViolationError, AssertionError):
        return
    assert await contest.wrong()
