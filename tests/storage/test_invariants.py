"""Random walks of the hot verbs: after every step the stored rows are consistent.

A walk creates, claims, reports, loses, cancels, stops, pauses and marks jobs of every shape in a seeded random order.
After each commit a job's counts match its task rows, its status is the `job_status` of them, and the organization's
counts match its jobs. A job has exactly the open items that its tasks count; a cancelled job has an item only for each
attempt that must still stop.
"""

import random
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import pytest
from tests import make
from tests.storage import recount
from tests.storage.verbs import read_jobs
from tests.thorough import THOROUGH

from enginehouse.domain.job import Plan
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, Tally, TaskStatus, job_status
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage import consistency, limits
from enginehouse.storage.database.database import Database, Row, Tx
from enginehouse.storage.jobs import cancellation, counts, creation, queries, stops
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.views import JobViews
from enginehouse.storage.work import claims
from enginehouse.storage.work import leases as work_leases
from enginehouse.storage.work import reports as work_reports

WALKS = 12 if THOROUGH else 6
STEPS = 60
KINDS = (
    FailureKind.INVALID_DATA,
    FailureKind.INTERNAL_ERROR,
    FailureKind.WORKER_LOST,
    FailureKind.SERVER_STOPPED,
    FailureKind.NOT_STARTED,
    FailureKind.STOP_REQUESTED,
)


pytestmark = pytest.mark.usefixtures("own_statements")


SHAPES = (
    lambda: make.independent(3),
    lambda: make.chain(4, max_retries=1),
    lambda: make.fan_out(3),
    lambda: make.fan_out(2, gather_first=False, parents_first=True),
    lambda: make.fan_out(2, parallel=True, max_engines=2),
    lambda: make.fan_out(1, gather_first=False, parents_first=True, max_engines=1, max_retries=1),
    make.standby_chain,
)


class Walk:
    """One seeded walk over one database."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.plans = Plans()
        self.random = random.Random(seed)
        self.plan_of: dict[int, Plan] = {}
        self.leases: list[Lease] = []
        self.accepted: set[int] = set()
        self.cancelled: set[int] = set()
        self.paused: set[int] = set()
        self.views = JobViews()

    async def step(self) -> None:
        verbs = [self.create, self.retry, self.claim, self.claim, self.report, self.report, self.report, self.mark]
        verbs += [self.cancel, self.stop, self.beat, self.pause, self.resume]
        await self.random.choice(verbs)()

    async def create(self) -> None:
        new = [make.new_job(self.random.choice(SHAPES)()) for _ in range(self.random.randint(1, 3))]
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        self.plan_of |= {job_id: job.plan for (job_id, _), job in zip(made, new, strict=True)}

    async def retry(self) -> None:
        """Retries one of the jobs, and reuses all its complete tasks."""
        if not self.plan_of:
            return
        chosen = self.random.choice(list(self.plan_of))
        found = await self.database.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, [chosen]))
        new = make.retried(found[chosen])
        if new.total:
            [(made, _)] = await self.database.write_work(lambda tx: creation.create(tx, self.plans, [new]))
            self.plan_of[made] = new.plan

    async def claim(self) -> None:
        limit = self.random.randint(1, 6)

        async def take(tx: Tx) -> list[Lease]:
            await tx.run("test.all_due")
            return await claims.claim(tx, self.plans, pool="native", limit=limit, worker="w", lease_micros=10**9)

        leases = await self.database.write_work(take)
        assert not (self.cancelled | self.paused) & {lease.key.job_id for lease in leases}
        self.leases += leases

    async def report(self) -> None:
        """Reports some of the leases together, and sometimes one for the second time."""
        if not self.leases:
            return
        chosen = self.random.sample(self.leases, k=min(len(self.leases), self.random.randint(1, 4)))
        reports = [Report(lease.key, lease.token, self._outcome(lease)) for lease in chosen]
        answers = await self.database.write_work(lambda tx: work_reports.finish(tx, self.plans, reports))
        for report, answer in zip(reports, answers, strict=True):
            if isinstance(answer, Accepted) and isinstance(report.outcome, Done):
                assert report.token not in self.accepted
                assert report.key.job_id not in self.cancelled
                self.accepted.add(report.token)
        if self.random.random() < 0.8:
            self.leases = [lease for lease in self.leases if lease not in chosen]

    def _outcome(self, lease: Lease) -> Done | Failed:
        if self.random.random() < 0.25:
            return Failed(self.random.choice(KINDS), "no")
        outputs: list[Any] = []
        for number, folder in enumerate(lease.plan.tasks[lease.key.ordinal].folders):
            if folder.type == "output":
                count = self.random.randint(0, 3) if folder.mode == "chunk" else 1
                outputs += make.outputs(number, count)
        return Done(tuple(outputs))

    async def cancel(self, *, include_running: bool = False) -> None:
        if self.plan_of:
            chosen = self.random.choice(list(self.plan_of))
            [verdict] = await self.database.write_work(
                lambda tx: cancellation.cancel(tx, [(chosen, make.ORGANIZATION)], include_running=include_running)
            )
            assert verdict is not None
            assert verdict.done <= (chosen not in self.cancelled)
            if not verdict.refused:
                self.cancelled.add(chosen)

    async def stop(self) -> None:
        await self.cancel(include_running=True)

    async def pause(self) -> None:
        if self.plan_of:
            chosen = self.random.choice(list(self.plan_of))
            paused = await self.database.write(lambda tx: limits.pause_job(tx, make.ORGANIZATION, chosen))
            assert paused is not None
            if paused.status not in JOB_ENDED:
                self.paused.add(chosen)

    async def resume(self) -> None:
        if self.paused:
            await self._resume(self.random.choice(sorted(self.paused)))

    async def _resume(self, job_id: int) -> None:
        await self.database.write(lambda tx: limits.resume_job(tx, make.ORGANIZATION, job_id))
        self.paused.remove(job_id)

    async def beat(self) -> None:
        """Sends a heartbeat for every lease: those that must stop belong to cancelled jobs; some get the signal."""
        held = [(lease.key, lease.token) for lease in self.leases]
        kept = await self.database.write(lambda tx: work_leases.heartbeat(tx, held, lease_micros=10**9))
        assert all(to_stop == (key.job_id in self.cancelled) for (key, _), to_stop in kept.items())
        told = self.random.sample(held, k=len(held) // 2)
        await self.database.write(lambda tx: stops.signalled(tx, told))

    async def mark(self) -> None:
        await self.database.write(lambda tx: claims.mark_queued(tx, pool="native", limit=3))

    async def finish_all(self) -> None:
        """Resumes everything, and runs it to its end without a failure."""
        for job_id in sorted(self.paused):
            await self._resume(job_id)
        for _ in range(200):
            for lease in self.leases:
                done = Report(lease.key, lease.token, Done())
                await self.database.write_work(lambda tx, done=done: work_reports.finish(tx, self.plans, [done]))  # type: ignore[misc]
            self.leases = []
            await self.claim()
            if not self.leases:
                return
        raise AssertionError("the work never ended")


async def rows(database: Database, name: str) -> list[Row]:
    return await database.read(lambda tx: tx.all(f"test.{name}"))


async def check(database: Database, plan_of: dict[int, Plan]) -> None:
    tasks: dict[int, list[Row]] = defaultdict(list)
    for row in await rows(database, "task_rows"):
        tasks[row[0]].append(row)
    items: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in await rows(database, "item_rows"):
        items[row[0], row[1]].append(row)
    statuses: Counter[str] = Counter()
    for row in await rows(database, "job_rows"):
        _check_job(row, tasks[row[0]], items, plan_of[row[0]])
        statuses[row[1]] += 1
    counted = {status: count for _, status, count in await rows(database, "count_rows") if count}
    assert counted == dict(statuses)
    await recount.check(database)
    for organization_id, shown in await rows(database, "count_tasks"):
        assert await database.read(partial(counts.tasks, organization_id=organization_id)) == shown


def _check_job(row: Row, tasks: list[Row], items: dict[tuple[int, int], list[Row]], plan: Plan) -> None:
    job_id, status, cancelled, started = row[0], JobStatus(row[1]), bool(row[2]), bool(row[3])
    assert len(tasks) == len(plan.tasks)
    tally = _recount(tasks, plan)
    assert Tally(*row[4:10]) == tally
    leased = sum(bool(item[3]) for task in tasks for item in items[job_id, task[1]])
    to_stop = leased if cancelled else 0
    assert row[13] == to_stop
    assert status is job_status(tally, cancel_accepted=cancelled, attempts_open=to_stop, ever_started=started)
    assert bool(row[10]) == (status not in JOB_ENDED and not cancelled and not _begun(tally))
    assert bool(row[11]) == (status in JOB_ENDED and not cancelled)
    assert bool(row[12]) == (cancelled and not to_stop)
    assert not row[14] or cancelled
    for task in tasks:
        _check_held(items[job_id, task[1]], plan.tasks[task[1]].max_engines, cancelled=cancelled, paused=bool(row[15]))
        assert not task[9] or (task[2], task[4], task[8]) == ("complete", 0, 0)
        open_items = items[job_id, task[1]]
        assert sum(bool(item[3]) for item in open_items) == task[6]
        if cancelled:
            assert len(open_items) == task[6]
            continue
        assert len(open_items) == task[5]
        assert task[5] == 0 or TaskStatus(task[2]) not in TASK_ENDED


def _check_held(items: list[Row], limit: int | None, *, cancelled: bool, paused: bool) -> None:
    """A pause holds every item of its job; of a limited task's items as many are free as the limit allows."""
    assert all((item[5] >= 2) == paused for item in items)
    free = sum(item[5] in {0, 2} for item in items)
    assert sum(bool(item[3]) for item in items) <= free
    if not cancelled:
        assert free == (len(items) if limit is None else min(limit, len(items)))


def _begun(tally: Tally) -> bool:
    return bool(tally.running or tally.complete or tally.failed or tally.aborted)


def _recount(tasks: list[Row], plan: Plan) -> Tally:
    """The tally from the task rows alone: a standby counts only if it has replaced its principal."""
    found = [TaskStatus(task[2]) for task in tasks]
    standby_of = {task.standby_for: n for n, task in enumerate(plan.tasks) if task.standby_for is not None}
    counted = Counter[TaskStatus]()
    for ordinal, task in enumerate(plan.tasks):
        if task.standby_for is not None or tasks[ordinal][9]:
            continue
        standby = standby_of.get(ordinal)
        replaced = standby is not None and found[ordinal] is TaskStatus.FAILED
        counted[found[standby] if replaced and standby is not None else found[ordinal]] += 1
    return Tally(
        total=sum(counted.values()),
        queued=counted[TaskStatus.QUEUED],
        running=counted[TaskStatus.RUNNING],
        complete=counted[TaskStatus.COMPLETE],
        failed=counted[TaskStatus.FAILED],
        aborted=counted[TaskStatus.ABORTED],
    )


@pytest.mark.parametrize("seed", range(WALKS))
async def test_every_step_leaves_a_consistent_storage(database: Database, seed: int) -> None:
    walk = Walk(database, seed)
    for _ in range(STEPS):
        await walk.step()
        await check(database, walk.plan_of)
        await read_jobs(database, list(walk.plan_of), walk.views)
    looked, wrong = await database.read(consistency.check_jobs)
    assert (looked, wrong) == (len(walk.plan_of), [])
    await walk.finish_all()
    await check(database, walk.plan_of)
    assert all(JobStatus(row[1]) in JOB_ENDED for row in await rows(database, "job_rows"))
    tokens = [row[3] for row in await rows(database, "attempt_rows")]
    assert len(tokens) == len(set(tokens))
