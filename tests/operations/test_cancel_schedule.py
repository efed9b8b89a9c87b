"""A schedule is cancelled while it fires: all jobs that it has started are cancelled, and nothing starts afterwards."""

import asyncio

import asyncpg
import pytest
from tests.operations.scheduled import CALLER, furnish, scheduled

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.job import JobFilter
from enginehouse.domain.planning.plan import planned_again
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import RecurringPart
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import CatchUp, RunMode, Unit
from enginehouse.domain.status import JobStatus
from enginehouse.operations import jobs
from enginehouse.operations.house import House
from enginehouse.operations.schedules import cancellation, launches, slots
from enginehouse.operations.schedules.firing import JobCache, fire_due
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import creation as stored_jobs_creation
from enginehouse.storage.jobs.new_jobs import JobOrigin
from enginehouse.storage.schedules import jobs as schedule_jobs
from enginehouse.storage.schedules import schedules as stored_schedules

pytestmark = pytest.mark.usefixtures("own_statements")

OFTEN = (RecurringPart(unit=Unit.SECONDS, every=1),)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


@pytest.fixture
async def wide(postgres_database: Database, store: DiskStore) -> House:
    return await furnish(House.build(postgres_database, store))


async def statuses(house: House, schedule: Schedule) -> list[JobStatus]:
    found = await jobs.list_(house, CALLER, JobFilter(schedule_ids=(schedule.id,), limit=1000))
    return [each.status for each in found.jobs]


async def ten_slots_ago(house: House, schedule: Schedule) -> None:
    """Moves the schedule ten seconds back, as if no server had fired it since."""
    await house.database.write(lambda tx: tx.run("test.move_schedule", id=schedule.id, by=10_000_000))


async def test_firing_and_calling_off_at_once_leave_nothing_that_may_start(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "BATCH", 3)
    for late in (0, 3, 9):
        schedule = await scheduled(
            ready, run_mode=RunMode.RECURRING, recurring=OFTEN, catch_up=CatchUp.ALL, jitter_seconds=0
        )
        await ten_slots_ago(ready, schedule)

        async def after_a_while(late: int = late, schedule: Schedule = schedule) -> int:
            for _ in range(late):
                await asyncio.sleep(0)
            return (await cancellation.cancel(ready, CALLER, Ref.of(schedule.id))).count

        firing = [fire_due(ready, JobCache()) for _ in range(3)]
        *_, count = await asyncio.gather(*firing, after_a_while())
        assert (await fire_due(ready, JobCache()))[0].jobs == []
        found = await statuses(ready, schedule)
        assert found == [JobStatus.ABORTED] * len(found)
        assert count == len(found)


async def test_what_was_being_fired_when_it_was_called_off_is_cancelled_too(wide: House, postgres_dsn: str) -> None:
    """The firing server holds the schedule's row; its jobs are younger than the call that waits for the row."""
    schedule = await scheduled(wide, run_mode=RunMode.CONTINUOUS)
    holds, go_on = asyncio.Event(), asyncio.Event()
    [other] = await launches.launch_schedule(wide, CALLER, Ref.of(schedule.id))
    plan = (await jobs.get(wide, CALLER, Ref.of(other.job_id))).plan

    async def fire(tx: Tx) -> None:
        assert await stored_schedules.lock(tx, CALLER.organization_id, schedule.id)
        holds.set()
        await go_on.wait()
        await tx.read_clock()
        origin = JobOrigin(scheduled_job_id=schedule.id)
        await stored_jobs_creation.create(
            tx, wide.plans, [jobs.new_job(CALLER, planned_again(plan), target_id=None, due_at=None, origin=origin)]
        )

    firing = asyncio.create_task(wide.database.write_work(fire))
    await holds.wait()
    calling = asyncio.create_task(cancellation.cancel(wide, CALLER, Ref.of(schedule.id)))
    watching = await asyncpg.connect(postgres_dsn)
    try:
        async with asyncio.timeout(20):
            while not await watching.fetchval(WAITING):
                assert not calling.done(), "it was answered while another server fired"
    finally:
        await watching.close()
    go_on.set()
    await firing
    assert (await calling).count == 2
    assert await statuses(wide, schedule) == [JobStatus.ABORTED] * 2


async def test_jobs_that_came_later_are_not_looked_for(ready: House) -> None:
    schedule = await scheduled(ready, run_mode=RunMode.ONCE)
    [made] = await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id))
    created = (await jobs.get(ready, CALLER, Ref.of(made.job_id))).created_at
    for until, expected in ((created - 1, []), (created, [made.job_id])):

        async def look(tx: Tx, until: int = until) -> list[int]:
            owner = CALLER.organization_id
            return await schedule_jobs.not_ended(tx, owner, schedule.id, after=0, until=until, limit=10)

        assert await ready.database.read(look) == expected


async def test_a_slot_that_waited_for_a_run_waits_no_longer(ready: House) -> None:
    schedule = await scheduled(ready, run_mode=RunMode.NOW)
    await fire_due(ready, JobCache())
    await ready.database.write(lambda tx: tx.run("test.slots_wait", id=schedule.id))
    await cancellation.cancel(ready, CALLER, Ref.of(schedule.id))
    [(slot, _)] = await slots.history(ready, CALLER, Ref.of(schedule.id), limit=10)
    assert (slot.outcome, slot.reason) == ("skipped", "cancelled")
