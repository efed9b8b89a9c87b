"""The counts of tasks, and of the jobs of engines, failures and schedules, are those of their rows.

`test_invariants` looks at them after each step of its walks, `test_bulk_cancels` after each bulk cancel. Here are
additions, deletions, and statuses that a client sets.
"""

import asyncio
from typing import Final

import pytest
from msgspec import structs
from tests import make
from tests.storage import recount, rounds
from tests.storage.verbs import Verbs

from enginehouse.domain.job import JobFilter
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database
from enginehouse.storage.jobs import additions, deletion, pages, task_counts, task_deletion, totals
from enginehouse.storage.jobs.new_jobs import JobOrigin, NewJob
from enginehouse.storage.schedules import schedules
from enginehouse.storage.work import task_statuses
from enginehouse.storage.work.task_statuses import NamedTask

pytestmark = pytest.mark.usefixtures("own_statements")

OWNER: Final = make.ORGANIZATION


async def number(database: Database, **wanted: object) -> int | None:
    return await database.read(lambda tx: task_counts.number(tx, OWNER, TaskFilter(**wanted)))  # type: ignore[arg-type]


async def failed_chain(verbs: Verbs) -> int:
    """Creates a job whose first of three tasks has failed."""
    [job_id] = await verbs.create(make.new_job(make.chain(3, max_retries=0)))
    [lease] = await verbs.claim()
    await verbs.fail(lease)
    return job_id


async def test_what_runs_again_or_is_aborted_is_counted_as_such(database: Database) -> None:
    verbs = Verbs(database)
    job_id = await failed_chain(verbs)
    assert (await number(database, failure_reasons=("invalid_data",)), await number(database, in_backlog=True)) == (
        1,
        0,
    )
    named = [NamedTask(job_id, 0, "taskIDs[0]", "it")]
    await database.write_work(lambda tx: task_statuses.put_back(tx, verbs.plans, OWNER, named))
    assert (await number(database, failure_reasons=("invalid_data",)), await number(database, in_backlog=True)) == (
        0,
        1,
    )
    await recount.check(database)
    await database.write_work(lambda tx: task_statuses.abort(tx, verbs.plans, OWNER, named))
    await recount.check(database)


async def test_a_job_counts_once_for_each_reason_for_which_its_tasks_failed(database: Database) -> None:
    """Also when a standby has replaced the task, and when the task runs again or the job is deleted."""
    verbs = Verbs(database)
    invalid, url = FailureKind.INVALID_DATA, FailureKind.URL_ERROR

    async def numbers() -> tuple[int, ...]:
        await recount.check(database)
        wanted = [JobFilter(failure_reasons=(kind.value,)) for kind in (invalid, url)]
        return tuple([await database.read(lambda tx, each=each: totals.count(tx, OWNER, each)) for each in wanted])  # type: ignore[misc]

    [job_id] = await verbs.create(make.new_job(make.independent(3, max_retries=0)))
    leases = sorted(await verbs.claim(), key=lambda lease: lease.key)
    for lease, kind, expected in zip(leases, (invalid, invalid, url), ((1, 0), (1, 0), (1, 1)), strict=True):
        await verbs.fail(lease, kind)
        assert await numbers() == expected
    for ordinal, expected in ((2, (1, 0)), (0, (1, 0)), (1, (0, 0))):
        named = [NamedTask(job_id, ordinal, "taskIDs[0]", "it")]
        await database.write_work(lambda tx, named=named: task_statuses.put_back(tx, verbs.plans, OWNER, named))  # type: ignore[misc]
        assert await numbers() == expected
    await database.write(lambda tx: deletion.delete(tx, [job_id], organization_id=OWNER))

    principal, following = make.standby_chain().tasks
    request = structs.replace(make.standby_chain(), tasks=(structs.replace(principal, max_retries=0), following))
    [job_id] = await verbs.create(make.new_job(request))
    for expected in ((1, 0), (1, 0)):  # the principal, then its standby
        [lease] = await verbs.claim()
        await verbs.fail(lease, invalid)
        assert await numbers() == expected
    await database.write(lambda tx: deletion.delete(tx, [job_id], organization_id=OWNER))
    assert await numbers() == (0, 0)


async def test_the_jobs_of_a_schedule_are_counted_from_their_firing_or_create_to_their_deletion(
    database: Database,
) -> None:
    """A retry counts, and so do jobs whose schedule is deleted. Without jobs a schedule has no rows of counts."""
    verbs = Verbs(database)
    schedule, other = await rounds.add(database, rounds.every(5)), 1 << 40

    async def numbers() -> tuple[int, ...]:
        await recount.check(database)
        for has in (JobFilter(has_schedule=True), JobFilter(has_schedule=False)):
            listed = await database.read(lambda tx, has=has: pages.page(tx, OWNER, has))  # type: ignore[misc]
            assert await database.read(lambda tx, has=has: totals.count(tx, OWNER, has)) == len(listed)  # type: ignore[misc]
        wanted = [JobFilter(schedule_ids=ids) for ids in ((schedule.id,), (other,), (schedule.id, other, other), ())]
        return tuple([await database.read(lambda tx, each=each: totals.count(tx, OWNER, each)) for each in wanted])  # type: ignore[misc]

    def named(schedule_id: int, organization_id: int = OWNER, retry_of: int | None = None) -> NewJob:
        origin, new = JobOrigin(scheduled_job_id=schedule_id), make.new_job(make.independent(1))
        return structs.replace(new, origin=origin, organization_id=organization_id, retry_of=retry_of)

    await verbs.create(make.new_job(make.independent(1)))
    fired = (await rounds.round_(database, [schedule.id])).jobs
    assert fired
    assert await numbers() == (len(fired), 0, len(fired), 0)
    [one, foreign, another] = await verbs.create(
        named(schedule.id, retry_of=fired[0]), named(schedule.id, OWNER + 1), named(other)
    )
    mine = [*fired, one]
    assert await numbers() == (len(mine), 1, len(mine) + 1, 0)
    await verbs.cancel(one)
    await database.write(lambda tx: schedules.delete(tx, [schedule.id]))
    assert await numbers() == (len(mine), 1, len(mine) + 1, 0)
    await database.write(lambda tx: deletion.delete(tx, [one, another], organization_id=OWNER))
    assert await numbers() == (len(fired), 0, len(fired), 0)
    for gone, owner in ((fired, OWNER), ([foreign], OWNER + 1)):
        await database.write(lambda tx, gone=gone, owner=owner: deletion.delete(tx, gone, organization_id=owner))  # type: ignore[misc]
    assert await numbers() == (0, 0, 0, 0)
    assert await database.read(lambda tx: tx.all("test.stored_schedules")) == []


async def test_creates_and_deletions_at_once_leave_the_number_of_a_schedule(contended: Database) -> None:
    """Each deletes what others may have counted in the same row, and now and then nothing is left."""
    verbs, new = Verbs(contended), make.new_job(make.independent(1))
    named = structs.replace(new, origin=JobOrigin(scheduled_job_id=7))

    async def turn(kept: int) -> None:
        for _ in range(4):
            gone = (await verbs.create(named, named, named))[kept:]
            await contended.write(lambda tx, gone=gone: deletion.delete(tx, gone, organization_id=OWNER))  # type: ignore[misc]

    for kept in (0, 1, 0):
        await asyncio.gather(*(turn(kept) for _ in range(12)))
        await recount.check(contended)
    assert await contended.read(lambda tx: totals.count(tx, OWNER, JobFilter(schedule_ids=(7,)))) == 48


async def test_a_task_that_is_added_is_counted_with_its_engine(database: Database) -> None:
    verbs = Verbs(database)
    [job_id] = await verbs.create(make.new_job(make.independent(2)))
    for engine in ("noop", "ingest", "ingest"):
        new = make.addition(job_id, engine)
        await database.write_work(lambda tx, new=new: additions.add(tx, verbs.plans, [new], max_tasks=9))  # type: ignore[misc]
        await recount.check(database)
    assert await number(database) == 5


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_is_deleted_is_not_counted(database: Database, cancelled: bool) -> None:
    verbs = Verbs(database)
    if cancelled:
        [job_id] = await verbs.create(make.new_job(make.standby_chain()))
        await verbs.cancel(job_id)
    else:
        job_id = await failed_chain(verbs)
    await recount.check(database)
    for ordinal in (0, 1):
        await database.write(lambda tx, ordinal=ordinal: task_deletion.delete(tx, OWNER, job_id, ordinal))  # type: ignore[misc]
        await recount.check(database)
    await database.write(lambda tx: deletion.delete(tx, [job_id], organization_id=OWNER))
    await recount.check(database)
    assert await number(database) == 0


async def test_the_counts_do_not_tell_what_they_do_not_hold(database: Database) -> None:
    """Of which engine the tasks are that a cancel aborted, or what else a filter says of them."""
    verbs = Verbs(database)
    [job_id, _] = await verbs.create(*[make.new_job(make.independent(2)) for _ in range(2)])
    engines = (make.independent(2).tasks[0].engine_id,)
    assert await number(database, statuses=("pending",), engine_ids=engines) == 4
    await verbs.cancel(job_id)
    assert (await number(database, statuses=("pending",)), await number(database, statuses=("aborted",))) == (2, 2)
    assert await number(database, statuses=("pending",), engine_ids=engines) is None
    assert await number(database, statuses=("complete",), engine_ids=engines) == 0
    assert await number(database, created_from=1) is None
    everything = JobRange(organization_id=OWNER, created_from=0, created_to=2**62)
    await database.write(lambda tx: barriers.accept(tx, everything, include_running=False, created_by=None))
    await recount.check(database)
