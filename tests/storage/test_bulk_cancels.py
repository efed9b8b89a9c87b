"""Bulk cancel in storage: covered jobs never start, count once, read as aborted, and are settled exactly."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from tests import make
from tests.postgres import FSYNC, PATIENCE
from tests.storage import recount
from tests.storage.verbs import read_jobs
from tests.thorough import THOROUGH

from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import Accepted, Done, Failed, Lease, Report
from enginehouse.storage.bulk_cancels import barriers, batches
from enginehouse.storage.bulk_cancels.barriers import Barrier, JobRange
from enginehouse.storage.database.database import Database, Row, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.jobs import cancellation, creation, deletion, pages, queries, totals
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.views import JobViews
from enginehouse.storage.work import claims, reports

pytestmark = pytest.mark.usefixtures("own_statements")

FOREVER = 2**62


class Floor:
    """A database, and the verbs in a short form for these tests."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plans = Plans()
        self.views = JobViews()

    async def create(self, count: int, *, organization_id: int = make.ORGANIZATION, tasks: int = 2) -> list[int]:
        new = [make.new_job(make.independent(tasks), organization_id=organization_id) for _ in range(count)]
        made = await self.database.write_work(lambda tx: creation.create(tx, self.plans, new))
        return [job_id for job_id, _ in made]

    async def claim(self, limit: int = 1000) -> list[Lease]:
        return await self.database.write_work(
            lambda tx: claims.claim(tx, self.plans, pool="native", limit=limit, worker="w", lease_micros=60_000_000),
        )

    async def finish(self, lease: Lease, outcome: Done | Failed) -> bool:
        report = Report(lease.key, lease.token, outcome)
        [answer] = await self.database.write_work(lambda tx: reports.finish(tx, self.plans, [report]))
        return isinstance(answer, Accepted)

    async def accept(
        self, created_from: int = 0, created_to: int = FOREVER, *, include_running: bool = False
    ) -> Barrier:
        wanted = JobRange(organization_id=make.ORGANIZATION, created_from=created_from, created_to=created_to)
        barrier_id = await self.database.write(
            lambda tx: barriers.accept(tx, wanted, include_running=include_running, created_by=None)
        )
        return await self.barrier(barrier_id)

    async def barrier(self, barrier_id: int) -> Barrier:
        found = await self.database.read(lambda tx: barriers.get(tx, make.ORGANIZATION, barrier_id))
        assert found is not None
        return found

    async def count(self, barrier: Barrier) -> int:
        found = await self.database.read(lambda tx: barriers.count(tx, barrier.range, barrier.id))
        return await self.database.write(lambda tx: barriers.set_matched(tx, barrier.id, found))

    async def apply(self, barrier: Barrier, limit: int = 3) -> None:
        """Settles the barrier completely."""
        walk = batches.Walk(barrier.range.created_from)
        while applied := await self.batch(barrier, walk, limit):
            assert applied <= limit
        assert await self.database.write(lambda tx: batches.apply_rest(tx, barrier, limit=limit))

    async def batch(self, barrier: Barrier, walk: batches.Walk, limit: int) -> int:
        return await self.database.write(lambda tx: batches.apply(tx, barrier, walk, limit=limit))

    async def read(self, *job_ids: int, organization_id: int = make.ORGANIZATION) -> dict[int, Job]:
        return await read_jobs(self.database, job_ids, self.views, organization_id)

    async def status(self, job_id: int) -> JobStatus | None:
        return await self.database.glance(lambda tx: queries.status(tx, make.ORGANIZATION, job_id))

    async def page(self, **wanted: object) -> list[int]:
        filter_ = JobFilter(**wanted)  # type: ignore[arg-type]
        return await self.database.read(lambda tx: pages.page(tx, make.ORGANIZATION, filter_))

    async def matching(self, **wanted: object) -> int:
        filter_ = JobFilter(**wanted)  # type: ignore[arg-type]
        return await self.database.read(lambda tx: totals.count(tx, make.ORGANIZATION, filter_))

    async def cancel(self, job_id: int) -> cancellation.CancelOutcome | None:
        [verdict] = await self.database.write_work(lambda tx: cancellation.cancel(tx, [(job_id, make.ORGANIZATION)]))
        return verdict

    async def number(self, statement: str) -> int:
        row = await self.database.read(lambda tx: tx.one(statement))
        assert row is not None
        return int(row[0])

    async def counts_agree(self) -> None:
        """The stored counts match the rows."""
        await recount.check(self.database)
        rows = await self.database.read(lambda tx: tx.all("test.count_rows"))
        told: Counter[str] = Counter()
        for _, word, jobs_ in rows:
            told[word] += int(jobs_)
        found = Counter(row[1] for row in await self.database.read(lambda tx: tx.all("test.job_rows")))
        assert +told == found


@pytest.fixture
def floor(database: Database) -> Floor:
    return Floor(database)


async def test_what_is_covered_and_nothing_else_starts_no_more(floor: Floor) -> None:
    before = await floor.create(1)
    covered = await floor.create(3)
    created = [job.created_at for job in (await floor.read(*covered)).values()]
    foreign = await floor.create(1, organization_id=2)
    barrier = await floor.accept(min(created), max(created))
    after = await floor.create(1)
    assert {lease.key.job_id for lease in await floor.claim()} == {*before, *foreign, *after}
    assert await floor.count(barrier) == 3
    await floor.apply(barrier)
    assert {lease.key.job_id for lease in await floor.claim()} == set()


async def test_both_bounds_are_inside_to_the_microsecond(floor: Floor) -> None:
    [job_id] = await floor.create(1)
    created = (await floor.read(job_id))[job_id].created_at
    for bounds in ((0, created - 1), (created + 1, FOREVER)):
        assert await floor.count(await floor.accept(*bounds)) == 0
    assert await floor.status(job_id) is JobStatus.PENDING
    assert await floor.count(await floor.accept(created, created)) == 1
    assert await floor.status(job_id) is JobStatus.ABORTED


async def test_a_job_created_after_the_commit_is_not_covered_however_far_the_range_goes(floor: Floor) -> None:
    barrier = await floor.accept()
    [later] = await floor.create(1)
    assert await floor.status(later) is JobStatus.PENDING
    assert await floor.count(barrier) == 0
    assert [lease.key.job_id for lease in await floor.claim(1)] == [later]


async def test_a_job_that_has_started_is_left_alone_also_when_it_waits_again(floor: Floor) -> None:
    [job_id] = await floor.create(1, tasks=1)
    [lease] = await floor.claim()
    barrier = await floor.accept()
    assert await floor.count(barrier) == 0
    await floor.finish(lease, Failed(FailureKind.SERVER_STOPPED, "no"))
    assert await floor.status(job_id) is JobStatus.RUNNING
    await floor.database.write(lambda tx: tx.run("test.all_due"))
    [again] = await floor.claim()
    assert await floor.finish(again, Done())
    assert await floor.status(job_id) is JobStatus.COMPLETE


async def test_reads_say_aborted_from_the_commit_on_and_the_rows_say_the_same_afterwards(floor: Floor) -> None:
    ids = await floor.create(5)
    await floor.database.write(lambda tx: claims.mark_queued(tx, pool="native", limit=4))
    barrier = await floor.accept()
    [other] = await floor.create(1)
    seen = []
    for apply in (False, True):
        if apply:
            assert await floor.count(barrier) == 5
            await floor.apply(barrier)
        found = await floor.read(*ids, other)
        for job_id in ids:
            job = found[job_id]
            assert job.status is JobStatus.ABORTED
            assert job.aborted_at == job.modified_at == barrier.accepted_at
            assert {task.status for task in job.tasks} == {TaskStatus.ABORTED}
            assert {task.aborted_at for task in job.tasks} == {barrier.accepted_at}
            assert await floor.status(job_id) is JobStatus.ABORTED
        statuses = await floor.database.glance(lambda tx: queries.statuses(tx, [(i, make.ORGANIZATION) for i in ids]))
        assert set(statuses) == {JobStatus.ABORTED}
        assert found[other].status is JobStatus.PENDING
        seen.append((found, await _lists(floor, barrier)))
    assert seen[0] == seen[1]
    [(_, lists), _] = seen
    assert lists["aborted"] == ids[::-1]
    assert lists["pending"] == [other]
    assert lists["queued"] == []
    assert lists["counts"] == {"aborted": 5, "pending": 1}
    assert lists["either"] == [other, *ids[::-1]]
    assert lists["touched then"] == ids
    assert lists["by modification"] == [*ids, other]
    assert lists["counted"] == [5, 1, 0, 5, 6]


async def _lists(floor: Floor, barrier: Barrier) -> dict[str, object]:
    """The results of every list, filter, order and count."""
    at = barrier.accepted_at
    words = (JobStatus.ABORTED, JobStatus.PENDING, JobStatus.QUEUED)
    counts = (await floor.database.read(lambda tx: queries.counts_by_status(tx, make.ORGANIZATION))).totals
    return {
        **{word.value: await floor.page(statuses=(word,)) for word in words},
        "either": await floor.page(statuses=(JobStatus.ABORTED, JobStatus.PENDING)),
        "touched then": await floor.page(modified_from=at, modified_to=at, descending=False),
        "by modification": await floor.page(order_by="modified_at", descending=False),
        "counts": {word: count for word, count in counts.items() if count},
        "counted": [
            *[await floor.matching(statuses=(word,)) for word in words],
            await floor.matching(modified_from=at, modified_to=at),
            await floor.matching(),
        ],
    }


async def test_a_bulk_cancel_is_applied_in_batches_and_touches_nothing_outside(floor: Floor) -> None:
    [before] = await floor.create(1)
    ids = await floor.create(10)
    created = [job.created_at for job in (await floor.read(*ids)).values()]
    [after] = await floor.create(1)
    [foreign] = await floor.create(1, organization_id=2)
    untouched = await floor.read(before, after), await floor.read(foreign, organization_id=2)
    barrier = await floor.accept(min(created), max(created))
    assert await floor.count(barrier) == 10
    await floor.apply(barrier)
    ended = await floor.barrier(barrier.id)
    assert (ended.matched, ended.applied) == (10, 10)
    assert ended.applied_at is not None
    assert (await floor.read(before, after), await floor.read(foreign, organization_id=2)) == untouched
    rows = {row[0]: row for row in await floor.database.read(lambda tx: tx.all("test.job_rows"))}
    assert {job_id for job_id, row in rows.items() if row[1] == "aborted"} == set(ids)
    assert {row[0] for row in await floor.database.read(lambda tx: tx.all("test.item_rows"))} == {
        before,
        after,
        foreign,
    }
    await floor.counts_agree()


async def test_a_count_stands_once_it_is_taken_and_an_empty_one_is_over_at_once(floor: Floor) -> None:
    await floor.create(3)
    barrier = await floor.accept()
    assert await floor.count(barrier) == 3
    await floor.apply(barrier)
    assert await floor.count(barrier) == 3
    empty = await floor.accept()
    assert await floor.count(empty) == 0
    assert (await floor.barrier(empty.id)).applied_at is not None


async def test_two_bulk_cancels_that_overlap_share_nothing(floor: Floor) -> None:
    ids = await floor.create(1) + await floor.create(2) + await floor.create(1)
    at = [job.created_at for job in (await floor.read(*ids)).values()]
    first = await floor.accept(at[0], at[2])
    second = await floor.accept(at[1], at[3])
    assert (await floor.count(second), await floor.count(first)) == (1, 3)
    assert [barrier.id for barrier in await floor.database.read(barriers.open_ones)] == [first.id]
    aborted = {job_id: job.aborted_at for job_id, job in (await floor.read(*ids)).items()}
    assert aborted == dict(zip(ids, [first.accepted_at] * 3 + [second.accepted_at], strict=True))
    await floor.apply(first)
    assert [barrier.id for barrier in await floor.database.read(barriers.open_ones)] == [second.id]
    await floor.apply(second)
    assert {job_id: job.aborted_at for job_id, job in (await floor.read(*ids)).items()} == aborted
    for barrier, matched in ((first, 3), (second, 1)):
        found = await floor.barrier(barrier.id)
        assert (found.matched, found.applied) == (matched, matched)
    await floor.counts_agree()


async def test_a_covered_job_is_aborted_for_every_writer(floor: Floor) -> None:
    marked, cancelled, deleted = await floor.create(3)
    barrier = await floor.accept()
    assert await floor.database.write(lambda tx: claims.mark_queued(tx, pool="native", limit=10)) == 0
    verdict = await floor.cancel(cancelled)
    assert verdict == cancellation.CancelOutcome(JobStatus.ABORTED, done=False, refused=False)
    await floor.database.write(lambda tx: deletion.delete(tx, [deleted], organization_id=make.ORGANIZATION))
    assert await floor.count(barrier) == 3
    await floor.apply(barrier)
    ended = await floor.barrier(barrier.id)
    assert (ended.matched, ended.applied) == (3, 3)
    assert set(await floor.read(marked, cancelled, deleted)) == {marked, cancelled}
    await floor.counts_agree()


async def test_marking_as_queued_lets_no_job_slip_from_a_bulk_cancel(floor: Floor) -> None:
    """The mark reads the job before the barrier's commit and writes after it."""
    [job_id] = await floor.create(1)
    barrier = await floor.accept()

    async def late(tx: Tx) -> None:
        await tx.many("work.set_jobs", [(job_id, "queued", barrier.id, 2, 0, 0, 0, 0, 1, None, None, tx.now)])

    await floor.database.write(late)
    assert await floor.status(job_id) is JobStatus.ABORTED
    assert await floor.claim() == []


async def test_including_the_running_ones_nothing_more_of_them_starts(floor: Floor) -> None:
    [job_id] = await floor.create(1, tasks=2)
    await floor.claim(1)
    barrier = await floor.accept(include_running=True)
    [later] = await floor.create(1, tasks=1)
    assert [lease.key.job_id for lease in await floor.claim()] == [later]
    assert await floor.count(barrier) == 0
    assert (await floor.barrier(barrier.id)).applied_at is None
    assert not await floor.database.write(lambda tx: batches.apply_rest(tx, barrier, limit=10))
    assert await floor.database.write(lambda tx: batches.stop_running(tx, barrier, limit=10)) == {job_id: 1}
    assert await floor.database.write(lambda tx: batches.stop_running(tx, barrier, limit=10)) == {}
    assert await floor.database.write(lambda tx: batches.apply_rest(tx, barrier, limit=10))
    assert await floor.database.read(lambda tx: barriers.count_stopping(tx, barrier.range, barrier=barrier)) == 1


# Races ---------------------------------------------------------------------------------------------------------------

CLAIMERS = 8
BARRIERS = 40 if THOROUGH else 12
WAVE = 50


@pytest.fixture
async def wide_postgres(postgres_dsn: str) -> AsyncIterator[Database]:
    opened = await PostgresDatabase.open(
        postgres_dsn, writers=12, readers=2, allow_unsafe_durability=FSYNC == "off",
        read_seconds=PATIENCE, write_seconds=PATIENCE,
    )  # fmt: skip
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def contended(request: pytest.FixtureRequest) -> Floor:
    known = {"sqlite": "sqlite_database", "postgres": "wide_postgres"}
    return Floor(request.getfixturevalue(known[request.param]))


class Race:
    """Claimers that run all they can get, two creators, one canceller of jobs, and one bulk cancel after another."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.over = False
        self.cancelled = 0
        self.accepted: list[Barrier] = []
        self.counted: list[int] = []
        self.chance = random.Random(11)

    async def run(self) -> None:
        everybody = (*(self._claim() for _ in range(CLAIMERS)), self._create(), self._create(), self._cancel())
        running = asyncio.gather(*everybody)
        for _ in range(BARRIERS):
            await self.floor.create(WAVE)
            barrier = await self.floor.accept()
            self.accepted.append(barrier)
            self.counted.append(await self.floor.count(barrier))
            if self.chance.random() < 0.5:
                await self._apply_all()
        await self._apply_all()
        self.over = True
        await running

    async def _apply_all(self) -> None:
        """Two servers at once, with two transactions each."""
        while found := await self.floor.database.read(barriers.open_ones):
            await asyncio.gather(*(self._apply(barrier) for barrier in found * 2))

    async def _apply(self, barrier: Barrier) -> None:
        walk = batches.Walk(0)

        async def step(tx: Tx) -> bool:
            applied = await batches.apply(tx, barrier, walk, limit=20)
            return bool(applied) or not await batches.apply_rest(tx, barrier, limit=20)

        async def lane() -> None:
            while await self.floor.database.write(step):
                pass

        await asyncio.gather(lane(), lane())

    async def _claim(self) -> None:
        while not self.over:
            for lease in await self.floor.claim(3):
                lost = self.chance.random() < 0.2
                assert await self.floor.finish(lease, Failed(FailureKind.WORKER_LOST, "") if lost else Done())
            await asyncio.sleep(0)

    async def _create(self) -> None:
        while not self.over:
            await self.floor.create(2)
            await asyncio.sleep(0)

    async def _cancel(self) -> None:
        while not self.over:
            for job_id in await self.floor.page(statuses=(JobStatus.PENDING,), limit=2):
                verdict = await self.floor.cancel(job_id)
                self.cancelled += verdict is not None and verdict.done
            await asyncio.sleep(0)


async def test_nothing_covered_starts_after_the_commit_and_every_count_is_exact(contended: Floor) -> None:
    race = Race(contended)
    await race.run()
    assert sum(race.counted), "no bulk cancel found anything: the race says nothing"
    assert await contended.number("test.starts_after_the_cancel") == 0
    assert await contended.number("test.started"), "the claimers never won: the race says nothing"
    assert await contended.number("test.cancelled_jobs") == race.cancelled + sum(race.counted)
    for barrier, counted in zip(race.accepted, race.counted, strict=True):
        ended = await contended.barrier(barrier.id)
        assert (ended.matched, ended.applied, ended.applied_at is not None) == (counted, counted, True)
    await contended.counts_agree()
    assert await contended.number("test.drifted_jobs") == 0
    assert await contended.number("test.items_of_ended_jobs") == 0


@pytest.mark.parametrize("locked", [True, False])
async def test_a_bulk_cancel_in_the_middle_of_a_claim_is_exact_by_the_lock(
    postgres_database: Database, locked: bool
) -> None:
    """Without the lock, the mutant, jobs start that a committed bulk cancel covers and counts."""
    floor = Floor(postgres_database)
    await floor.create(3)
    reached, goes_on = asyncio.Event(), asyncio.Event()
    write = postgres_database.write_work if locked else postgres_database.write

    async def claim(tx: Tx) -> list[Lease]:
        paused = cast("Tx", _Paused(tx, reached, goes_on))
        return await claims.claim(paused, floor.plans, pool="native", limit=2, worker="w", lease_micros=10**9)

    async def cancel() -> int:
        return await floor.count(await floor.accept())

    claiming = asyncio.create_task(write(claim))
    await reached.wait()
    cancelling = asyncio.create_task(cancel())
    if not locked:
        await asyncio.wait([cancelling])
    goes_on.set()
    leases, counted = await claiming, await cancelling
    for barrier in await floor.database.read(barriers.open_ones):
        await floor.apply(barrier)
    started = {lease.key.job_id for lease in leases}
    assert started, "the claim found nothing: the test says nothing"
    assert counted == (3 - len(started) if locked else 3)
    assert (await floor.number("test.cancelled_jobs") == counted) is locked


class _Paused:
    """A transaction that takes no lock by name, and waits before it leases."""

    under_barrier = True

    def __init__(self, tx: Tx, reached: asyncio.Event, goes_on: asyncio.Event) -> None:
        self._tx, self._reached, self._goes_on = tx, reached, goes_on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def each(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Row]:
        if statement.startswith("work.lease_items"):
            self._reached.set()
            await self._goes_on.wait()
        return await self._tx.each(statement, rows)
