"""Tasks put back against cancels, claims, reports, additions and each other, on the same jobs: exactly one wins."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter_ns
from types import SimpleNamespace

import asyncpg
import pytest
from tests import make
from tests.storage.test_addition_races import _unlocked
from tests.thorough import THOROUGH

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage import consistency
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import additions, cancellation, creation, queries
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, job_locks, reports, task_statuses
from enginehouse.storage.work.task_statuses import NamedTask

JOBS = 600 if THOROUGH else 120
LEASE = 60_000_000

pytestmark = pytest.mark.usefixtures("own_statements")


@dataclass
class Contest:
    """The calls of all contenders. Every contender has its own plans, as servers of their own would."""

    database: Database
    ids: list[int] = field(default_factory=list)
    accepted: Counter[tuple[int, int, int, int]] = field(default_factory=Counter)  # (job, ordinal, item, attempt)
    started: list[tuple[int, int]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    cancelled_at: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        new = [make.new_job(make.chain(3) if n % 2 else make.standby_chain()) for n in range(JOBS)]
        made = await self.database.write_work(lambda tx: creation.create(tx, Plans(), new))
        self.ids = [job_id for job_id, _ in made]
        await asyncio.gather(
            *(self._change(random.Random(n), again=n < 2) for n in range(3)),
            *(self._work(random.Random(9 + n)) for n in range(2)),
            self._add(random.Random(5)),
            self._cancel(self.ids[::4]),
        )
        await self._work(random.Random(99))

    async def _change(self, chance: random.Random, *, again: bool) -> None:
        plans = Plans()
        for job_id in chance.choices(self.ids, k=2 * JOBS):
            await self.change(plans, job_id, chance.randrange(3), again=again)
            await asyncio.sleep(0)

    async def change(self, plans: Plans, job_id: int, ordinal: int, *, again: bool) -> None:
        asked = [NamedTask(job_id, ordinal, "taskIDs[0]", "t")]
        verb = task_statuses.put_back if again else task_statuses.abort
        try:
            outcome = await self.database.write_work(lambda tx: verb(tx, plans, make.ORGANIZATION, asked))
        except InvalidInput as refused:
            self.refused[refused.problems[0].text.partition(";")[0]] += 1
        else:
            self.changed["again" if again else "aborted"] += len(outcome.tasks)

    async def _add(self, chance: random.Random) -> None:
        plans = Plans()
        for job_id in chance.sample(self.ids, JOBS // 4):
            new = make.addition(job_id)
            await self.database.write_work(lambda tx, new=new: additions.add(tx, plans, [new], max_tasks=9))  # type: ignore[misc]

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
        outcome = Done(make.outputs(0, 1)) if chance.random() < 0.6 else Failed(FailureKind.INVALID_DATA, "no")
        report = Report(lease.key, lease.token, outcome)
        [answer] = await self.database.write_work(lambda tx: reports.finish(tx, plans, [report]))
        if isinstance(answer, Accepted):
            self.accepted[(*lease.key, lease.attempt)] += 1

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
        found = [f"{key} was accepted {n} times" for key, n in self.accepted.items() if n > 1]
        found += [f"job {j} started after its cancel" for j, at in self.started if at > self.cancelled_at.get(j, at)]
        jobs = await self.database.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, self.ids))
        for job in jobs.values():
            statuses = [task.status for task in job.tasks]
            if job.status not in JOB_ENDED or any(status not in TASK_ENDED for status in statuses):
                found.append(f"job {job.id} is {job.status}: {[status.value for status in statuses]}")
            if job.status is JobStatus.COMPLETE and job.completed_at is None:
                found.append(f"job {job.id} is complete without a time")
            found += [
                f"job {job.id}: a task is complete and its parent was aborted"
                for route in job.plan.routes
                if statuses[route.child] is TaskStatus.COMPLETE and statuses[route.parent] is TaskStatus.ABORTED
                if route.parent >= 0 and job.plan.tasks[route.parent].standby_for is None
            ]
        counts = (await self.database.read(lambda tx: queries.counts_by_status(tx, make.ORGANIZATION))).totals
        if any(count < 0 for count in counts.values()) or sum(counts.values()) != len(self.ids):
            found.append(f"the counts are {counts}")
        _, disagreements = await self.database.read(consistency.check_jobs)
        return found + [each.text for each in disagreements]


async def test_tasks_that_are_put_back_run_once_more_and_never_in_a_cancelled_job(contended: Database) -> None:
    contest = Contest(contended)
    await contest.run()
    assert contest.changed["again"], "nothing was put back: the race says nothing"
    assert contest.changed["aborted"]
    assert contest.cancelled_at
    assert contest.refused.keys() & {"is running", "is complete"}, "no change met work"
    assert await contest.wrong() == []


async def _twice(contended: Database) -> tuple[int, list[int]]:
    """Puts 40 tasks back, each by two requests at once. Returns how many were, and the numbers of their attempts."""
    contest = Contest(contended)
    new = [make.new_job(make.independent(1)) for _ in range(40)]
    made = await contended.write_work(lambda tx: creation.create(tx, Plans(), new))
    plans = Plans()
    leases = await contended.write_work(
        lambda tx: claims.claim(tx, plans, pool="native", limit=40, worker="w", lease_micros=LEASE)
    )
    failures = [Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "no")) for lease in leases]
    await contended.write_work(lambda tx: reports.finish(tx, plans, failures))
    await asyncio.gather(*(contest.change(Plans(), job_id, 0, again=True) for job_id, _ in made for _ in range(2)))
    leases = await contended.write_work(
        lambda tx: claims.claim(tx, plans, pool="native", limit=99, worker="w", lease_micros=LEASE)
    )
    return contest.changed["again"], [lease.attempt for lease in leases]


async def test_two_requests_put_a_task_back_once(contended: Database) -> None:
    assert await _twice(contended) == (40, [2] * 40)


async def test_a_change_that_does_not_lock_is_caught_on_postgresql(
    wide_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = SimpleNamespace(lock=_unlocked, revisions=job_locks.revisions, state=job_locks.state)
    monkeypatch.setattr(task_statuses, "job_locks", blind)
    with pytest.raises((asyncpg.UniqueViolationError, AssertionError)):
        assert await _twice(wide_postgres) == (40, [2] * 40)
