"""The lists of tasks: filters and orders give what a search through all tasks gives."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any, Final, NamedTuple

import pytest
from tests import make
from tests.storage import recount
from tests.storage.verbs import Verbs
from tests.thorough import THOROUGH

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage import limits
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import pages, task_changes, task_live, task_pages, task_walks
from enginehouse.storage.work import task_statuses
from enginehouse.storage.work.task_statuses import NamedTask

FIRST: Final = 1_700_000_000_000_000
APART: Final = 1_000
JOBS: Final = 120

# The statuses that the tasks of a job can have, by the status of the job; before a cancel of an aborted one.
LIVE: Final = (TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.STANDBY_PENDING)
ENDED: Final = (TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.ABORTED)
POSSIBLE: Final = {
    JobStatus.PENDING: (TaskStatus.PENDING, TaskStatus.STANDBY_PENDING),
    JobStatus.QUEUED: LIVE,
    JobStatus.RUNNING: (*LIVE, *ENDED, TaskStatus.RUNNING, TaskStatus.PAUSED, TaskStatus.WAITING),
    JobStatus.COMPLETE: (TaskStatus.COMPLETE,),
    JobStatus.FAILED: ENDED,
    JobStatus.ABORTED: (*LIVE, *ENDED),
}


class Stored(NamedTuple):
    """The values of a task and its job that the filters read."""

    job_id: int
    ordinal: int
    status: TaskStatus  # as a read shows it
    row: TaskStatus
    job_status: JobStatus
    has_standby: bool
    engine_id: str
    items_open: int
    reason: str | None
    target_id: int | None
    created_at: int
    changed_at: int  # as a read shows it
    row_changed_at: int


def tasks() -> list[Stored]:
    """Two tasks for each of many jobs. A few jobs have a standby, and then failed tasks that do not count."""
    dice = random.Random(11)
    stored = list[Stored]()
    for n in range(JOBS):
        job_status = dice.choice(list(JobStatus))
        has_standby = dice.random() < 0.2
        target_id = dice.choice((None, 11, 12))
        aborted_at = FIRST + (n + 50) * APART
        for ordinal in range(2):
            words = ENDED if has_standby and job_status is JobStatus.COMPLETE else POSSIBLE[job_status]
            row = dice.choice(words)
            changed_at = FIRST + (n + dice.randrange(40)) * APART
            is_aborted = job_status is JobStatus.ABORTED and row not in ENDED
            stored.append(
                Stored(
                    first_job_id(FIRST + n * APART), ordinal,
                    TaskStatus.ABORTED if is_aborted else row, row, job_status,
                    has_standby or row is TaskStatus.STANDBY_PENDING, dice.choice(("noop", "ingest")),
                    0 if row in ENDED else dice.randrange(2),
                    dice.choice((None, "bad", "worse")) if row is TaskStatus.FAILED else None,
                    target_id, FIRST + n * APART, aborted_at if is_aborted else changed_at, changed_at,
                )
            )  # fmt: skip
    return stored


def _range(first: int, last: int | None = None) -> dict[str, Any]:
    return {"from": FIRST + first * APART} | ({} if last is None else {"to": FIRST + last * APART})


FILTERS: Final[dict[str, list[dict[str, Any]]]] = {
    "status": [
        *({"statuses": (status,)} for status in TaskStatus),
        {"statuses": (TaskStatus.FAILED, TaskStatus.ABORTED)},
        {"statuses": (TaskStatus.PENDING, TaskStatus.STANDBY_PENDING)},
        {"statuses": (TaskStatus.COMPLETE, TaskStatus.RUNNING)},
    ],
    "job": [
        {"job_ids": (first_job_id(FIRST + 5 * APART),)},
        {"job_ids": (first_job_id(FIRST + 5 * APART),), "ordinal": 1},
        {"job_ids": (1,)},
    ],
    "target": [{"target_id": 11}, {"target_id": 99}, {"source_id": 7}],
    "engine": [{"engine_ids": ("noop",)}, {"engine_ids": ("noop", "ingest", "noop")}, {"engine_ids": ()}],
    "reason": [
        {"failure_reasons": ("bad",)},
        {"other_reasons_than": ("bad", "x")},
        {"failure_reasons": ("bad", "worse")},
    ],
    "backlog": [{"in_backlog": True}, {"in_backlog": False}],
    "claimable": [{"is_claimable": True}, {"is_claimable": False}],
    "created": [{f"created_{end}": at for end, at in _range(*some).items()} for some in ((10, 60), (70,))],
    "modified": [{f"modified_{end}": at for end, at in _range(*some).items()} for some in ((40, 90), (100,))],
}


def chosen() -> Iterator[dict[str, Any]]:
    """No filter, each filter, some of each pair of kinds. `make chaos` takes all pairs."""
    yield {}
    for kind in FILTERS.values():
        yield from kind
    dice = random.Random(3)
    for some, others in combinations(FILTERS.values(), 2):
        for one in some if THOROUGH else dice.sample(some, min(2, len(some))):
            yield from (one | other for other in (others if THOROUGH else [dice.choice(others)]))


def matches(task: Stored, criteria: TaskFilter) -> bool:
    def within(value: int, first: int | None, last: int | None) -> bool:
        return (first is None or value >= first) and (last is None or value <= last)

    waits = task.row in (TaskStatus.PENDING, TaskStatus.QUEUED) and task.items_open > 0
    in_backlog = waits and task.status is not TaskStatus.ABORTED
    is_claimable = task.items_open > 0 and task.status is not TaskStatus.ABORTED
    failed = task.row is TaskStatus.FAILED
    return (
        (not criteria.statuses or task.status in criteria.statuses)
        and (criteria.job_ids is None or task.job_id in criteria.job_ids)
        and (criteria.ordinal is None or task.ordinal == criteria.ordinal)
        and (criteria.target_id is None or task.target_id == criteria.target_id)
        and (criteria.source_id is None or task.target_id == 12)
        and (criteria.engine_ids is None or task.engine_id in criteria.engine_ids)
        and (criteria.failure_reasons is None or (failed and task.reason in criteria.failure_reasons))
        and (criteria.other_reasons_than is None or (failed and task.reason not in criteria.other_reasons_than))
        and (criteria.in_backlog is None or in_backlog == criteria.in_backlog)
        and (criteria.is_claimable is None or is_claimable == criteria.is_claimable)
        and within(task.created_at, criteria.created_from, criteria.created_to)
        and within(task.changed_at, criteria.modified_from, criteria.modified_to)
    )


def expected(stored: list[Stored], criteria: TaskFilter) -> list[tuple[int, int]]:
    by_change = criteria.order_by == "modified_at"
    rows = [task for task in stored if matches(task, criteria)]
    rows.sort(
        key=lambda task: (task.changed_at if by_change else 0, task.job_id, task.ordinal), reverse=criteria.descending
    )
    return [(task.job_id, task.ordinal) for task in rows]


@pytest.fixture
async def stored(database: Database, own_statements: None) -> list[Stored]:
    """The tasks of organization 1 are stored, between those of organization 2. Target 12 is of source 7."""
    rows = tasks()

    async def store(tx: Tx) -> None:
        for organization_id, shift in ((1, 0), (2, 500)):
            jobs = {task.job_id + shift: task for task in rows}
            failed = dict.fromkeys(jobs, 0)
            changed = dict(failed)
            for task in rows:
                failed[task.job_id + shift] += task.row is TaskStatus.FAILED and not task.has_standby
                changed[task.job_id + shift] = max(changed[task.job_id + shift], task.changed_at)
            standby = {task.job_id + shift for task in rows if task.has_standby}
            await tx.many("test.add_job", [
                (job_id, organization_id, task.job_status, task.target_id, None, None, None, task.created_at,
                 changed[job_id], 0 if task.job_status is JobStatus.QUEUED else None)
                for job_id, task in jobs.items()
            ])  # fmt: skip
            engines = {(organization_id, task.engine_id, task.job_id + shift) for task in rows}
            await tx.many("test.add_engine", sorted(engines))
            await tx.many(
                "test.add_task",
                [(task.job_id + shift, task.ordinal, task.engine_id, task.row_changed_at) for task in rows],
            )
            await tx.many("test.add_states", [
                (task.job_id + shift, task.ordinal, task.row, task.items_open, task.reason) for task in rows
            ])  # fmt: skip
            await tx.many("test.add_ends", [
                (job_id, 1 if task.job_status is JobStatus.ABORTED else 0,
                 task.created_at + 50 * APART if task.job_status is JobStatus.ABORTED else None, failed[job_id],
                 1 if job_id in standby else 0)
                for job_id, task in jobs.items()
            ])  # fmt: skip
            await tx.run("test.add_tallies", ids=sorted(jobs))
            items = [
                (task.job_id + shift, task.ordinal, 0, organization_id, "native", task.engine_id, *[0] * 11)
                for task in rows
                if task.items_open and task.status is not TaskStatus.ABORTED  # a cancel deletes them
            ]  # fmt: skip
            await tx.many("work.insert_items", items)
        await tx.many("test.add_organization", [(1, "one")])
        await tx.many("test.add_target", [(11, 1, None), (12, 1, 7)])
        await recount.store(tx)

    await database.write(store)
    return rows


async def differences(database: Database, stored: list[Stored]) -> list[Any]:
    """The lists and totals that are not those of a search through all tasks."""
    wrong = list[Any]()
    for n, fields in enumerate(chosen()):
        for order_by, descending in (("created_at", n % 2 == 0), ("modified_at", n % 3 == 0)):
            whole = TaskFilter(**fields, order_by=order_by, descending=descending, limit=1_000)
            part = TaskFilter(**fields, order_by=order_by, descending=descending, limit=3, offset=4)
            right = expected(stored, whole)

            async def read(tx: Tx, whole: TaskFilter = whole, part: TaskFilter = part) -> Any:
                total = await task_pages.count(tx, 1, part)
                pages_ = await task_pages.page(tx, 1, whole), await task_pages.page(tx, 1, part, total)
                return *pages_, total

            found = await database.read(read)
            if found != (right, right[4:7], len(right)):
                wrong.append((whole, found, right))
    return wrong


async def wrong_tallies(database: Database, stored: list[Stored]) -> list[Any]:
    """The numbers that are not those of a search through all tasks."""
    wrong, step = list[Any](), 7 * APART
    for fields in chosen():
        criteria = TaskFilter(**{"created_from": FIRST, **fields})
        first = criteria.created_from or 0
        right, in_time = Counter[Any](), Counter[Any]()
        for task in stored:
            if matches(task, criteria):
                reason = (task.reason or "") if task.row is TaskStatus.FAILED else ""
                right[task.status.value, task.engine_id, reason, 0] += 1
                in_time[task.status.value, task.engine_id, reason, (task.created_at - first) // step] += 1
        for expected_, distance in ((right, None), (in_time, step)):

            async def read(tx: Tx, criteria: TaskFilter = criteria, distance: int | None = distance) -> Any:
                return await task_pages.tally(tx, 1, criteria, step=distance)

            found = Counter[Any]()
            for row in await database.read(read):
                found[tuple(row[:4])] += row.tasks
            if found != expected_:
                wrong.append((criteria, distance, found, expected_))
    return wrong


async def test_the_numbers_by_status_engine_reason_and_time_are_those_of_a_search(
    database: Database, stored: list[Stored]
) -> None:
    assert (await wrong_tallies(database, stored))[:1] == []


async def test_every_filter_and_order_gives_what_a_search_through_all_tasks_gives(
    database: Database, stored: list[Stored]
) -> None:
    assert (await differences(database, stored))[:1] == []


@pytest.mark.parametrize(("some", "few"), [(2, 3), (3, 4), (6, 60)])
async def test_the_same_where_many_jobs_have_changed_of_late(
    database: Database, stored: list[Stored], monkeypatch: pytest.MonkeyPatch, some: int, few: int
) -> None:
    monkeypatch.setattr(task_walks, "STEPS", (some, few))
    monkeypatch.setattr(task_walks, "AHEAD", 0)
    for module in (task_changes, task_live, task_walks):
        monkeypatch.setattr(module, "FEW", few - 1)
    for offset, descending in product(range(8), (True, False)):
        criteria = TaskFilter(order_by="modified_at", descending=descending, offset=offset, limit=2)
        page = await database.read(lambda tx, criteria=criteria: task_pages.page(tx, 1, criteria))  # type: ignore[misc]
        assert page == expected(stored, criteria)[offset : offset + 2]
    assert (await differences(database, stored))[:1] == []


async def test_the_same_while_a_bulk_cancel_is_applied(database: Database, stored: list[Stored]) -> None:
    """The tasks of its jobs are aborted since it was accepted, though no row says so yet."""
    cancelled = JobRange(organization_id=1, created_from=FIRST, created_to=FIRST + 60 * APART)
    await database.write(lambda tx: barriers.accept(tx, cancelled, include_running=False, created_by=None))
    [barrier] = await database.read(barriers.open_ones)
    seen = [
        task._replace(status=TaskStatus.ABORTED, changed_at=barrier.accepted_at)
        if task.job_status is JobStatus.QUEUED and task.created_at <= cancelled.created_to
        else task
        for task in stored
    ]
    assert seen != stored
    assert (await differences(database, seen))[:1] == []
    assert (await wrong_tallies(database, seen))[:1] == []
    assert pages.FEW > JOBS


async def test_an_ended_task_of_a_job_that_waits_is_in_the_list(database: Database) -> None:
    """A client has aborted it, so no attempt has started."""
    verbs = Verbs(database)
    [job_id] = await verbs.create(make.new_job(make.independent(2)))
    named = [NamedTask(job_id, 1, "taskIDs[0]", "it")]
    await database.write_work(lambda tx: task_statuses.abort(tx, verbs.plans, make.ORGANIZATION, named))
    assert (await verbs.statuses(job_id))[0] is JobStatus.PENDING
    for order_by in ("created_at", "modified_at"):
        ended = TaskFilter(statuses=(TaskStatus.ABORTED,), order_by=order_by)
        assert await database.read(lambda tx, ended=ended: task_pages.page(tx, 1, ended)) == [(job_id, 1)]  # type: ignore[misc]


async def test_a_failed_task_that_its_standby_has_replaced_is_in_the_list_of_failed_tasks(database: Database) -> None:
    """The job is complete, and its counts do not hold the failure."""
    verbs = Verbs(database)
    request = JobRequest(tasks=(TaskRequest(engine_id="noop", standby=TaskRequest(engine_id="noop")),))
    [job_id] = await verbs.create(make.new_job(request))
    [principal] = await verbs.claim()
    await verbs.fail(principal)
    [standby] = await verbs.claim()
    await verbs.done(standby)
    assert (await verbs.statuses(job_id))[0] is JobStatus.COMPLETE
    failed = TaskFilter(statuses=(TaskStatus.FAILED,))
    assert await database.read(lambda tx: task_pages.page(tx, make.ORGANIZATION, failed)) == [(job_id, 0)]
    assert await database.read(lambda tx: task_pages.count(tx, make.ORGANIZATION, failed)) == 1


async def test_the_number_of_claimable_tasks_leaves_out_what_is_held_and_has_what_runs_with_further_items(
    database: Database, own_statements: None
) -> None:
    verbs = Verbs(database)

    async def claimable() -> int:
        await recount.check(database)  # that the number is the one of the items
        return await database.read(lambda tx: task_pages.count(tx, make.ORGANIZATION, TaskFilter(is_claimable=True)))

    [held, _] = await verbs.create(make.new_job(make.independent(3)), make.new_job(make.independent(2)))
    assert await claimable() == 5
    await database.write(lambda tx: limits.pause_job(tx, make.ORGANIZATION, held))
    assert await claimable() == 2
    assert len(await verbs.claim()) == 2
    assert await claimable() == 0
    await verbs.create(make.new_job(make.fan_out(1, parallel=True, max_engines=2)))
    [ingest] = await verbs.claim()
    await verbs.done(ingest)
    [split] = await verbs.claim()
    await verbs.done(split, make.outputs(1, 3))
    assert await claimable() == 1
    [read] = await verbs.claim(1)
    assert await claimable() == 1  # it runs, and one further chunk may run beside it
    await verbs.fail(read, FailureKind.INTERNAL_ERROR)
    assert await claimable() == 1
