"""A storage clock that was ten years ahead: it is said, and after a reset everything goes on from now."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests import make
from tests.operations.scheduled import CALLER, furnish, recurring, register, scheduled

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import NotAllowed
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import RecurringPart
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode, Unit
from enginehouse.domain.times import SECOND
from enginehouse.logs import LONGEST_VALUE
from enginehouse.operations import bulk_cancels, identity, jobs, storage_clock, work
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules, slots
from enginehouse.operations.schedules.firing import JobCache, fire_due
from enginehouse.storage.database.clock import wall_clock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sqlite import SqliteDatabase

pytestmark = pytest.mark.usefixtures("own_statements")

YEARS = int(timedelta(days=3652).total_seconds()) * SECOND
DAY = 86_400 * SECOND
EVERY_HOUR = (RecurringPart(unit=Unit.HOURS, every=1),)


async def now(house: House) -> int:
    return await house.database.read(lambda tx: tx.read_clock())


async def claimed(house: House) -> set[int]:
    return {lease.key.job_id for lease in await work.claim(house, pool="native", limit=100, worker="w")}


async def test_waiting_items_leases_and_sessions_are_no_longer_in_the_future(ready: House) -> None:
    [started] = await jobs.create(ready, CALLER, [make.independent(1)])
    assert await claimed(ready) == {started.job_id}
    [waiting] = await jobs.create(ready, CALLER, [make.independent(1)])
    secrets = await first_start(ready, init_token=None)
    assert secrets.admin_password is not None
    await identity.login(ready, "admin", secrets.admin_password)
    [(lasts, _)] = await ready.database.read(lambda tx: tx.all("test.session_lasts"))

    async def shift(tx: Tx) -> None:
        await tx.run("test.items_later", by=YEARS)
        await tx.run("test.tokens_later", by=YEARS)

    assert (await storage_clock.inspect(ready.database)).advice is None
    await ready.database.write(shift)
    state = await storage_clock.inspect(ready.database)
    assert abs(state.times_ahead - YEARS) < 3600 * SECOND
    assert await claimed(ready) == set()
    done = await storage_clock.reset(ready.database)
    assert (done.items, done.leases) == (2, 1)
    assert (await storage_clock.inspect(ready.database)).times_ahead == 0
    assert await claimed(ready) == {waiting.job_id}
    [(left, created_at)] = await ready.database.read(lambda tx: tx.all("test.session_lasts"))
    assert left == lasts
    assert created_at <= await now(ready)
    leases = await ready.database.read(lambda tx: tx.all("work.expired", now=wall_clock() + 120 * SECOND, limit=10))
    assert started.job_id in {row[0] for row in leases}


async def test_schedules_go_on_from_now_and_only_the_future_is_forgotten(ready: House) -> None:
    hourly = await scheduled(ready, "hourly", run_mode=RunMode.RECURRING, recurring=EVERY_HOUR)
    over = await scheduled(ready, "over", run_mode=RunMode.RECURRING, recurring=EVERY_HOUR)
    later_start = await now(ready) + 30 * DAY
    coming = await recurring(ready, "coming", start_at=later_start)
    at = await now(ready)
    past, first, early = hourly.anchor - 5 * 3600 * SECOND, hourly.anchor - 2 * 3600 * SECOND, at + YEARS

    async def shift(tx: Tx) -> None:
        await tx.run("test.schedules_later", by=YEARS, ids=[hourly.id])
        await tx.run("test.schedule_ended", by=YEARS, id=over.id)
        await tx.many(
            "test.put_slot",
            [
                (hourly.id, past, "fired", past, 1),
                (hourly.id, first, "skipped", early - 1, 87_000),
                (hourly.id, early, "fired", early, 1),
            ],
        )

    await ready.database.write(shift)
    assert (await storage_clock.inspect(ready.database)).advice is not None
    assert (await storage_clock.reset(ready.database)).schedules == 2
    assert (await storage_clock.inspect(ready.database)).advice is None
    records = [record for record, _ in await slots.history(ready, CALLER, Ref.of(hourly.id))]
    assert [(record.outcome, record.slot) for record in records] == [("skipped", first), ("fired", past)]
    assert records[0].last_slot <= at
    await fire_due(ready, JobCache())
    by_name = {each.name: each for each in await _all(ready, hourly.id, over.id, coming.id)}
    later = await now(ready)
    for name in ("hourly", "over"):
        next_at = by_name[name].next_at
        assert next_at is not None
        assert later < next_at <= later + 3600 * SECOND
    assert by_name["coming"].decided == coming.decided
    assert by_name["coming"].next_at == coming.next_at


async def _all(house: House, *ids: int) -> list[Schedule]:
    return [await schedules.get(house, CALLER, Ref.of(each)) for each in ids]


async def test_a_stop_of_running_jobs_from_the_wrong_time_is_finished_first(ready: House) -> None:
    at = await now(ready)
    await bulk_cancels.cancel(ready, CALLER, created_from=at, created_to=at + YEARS, include_running=True)
    await ready.database.write(lambda tx: tx.run("test.barriers_later", by=YEARS))
    with pytest.raises(NotAllowed, match="bulk cancel"):
        await storage_clock.reset(ready.database)


async def test_an_embedded_database_that_was_opened_ten_years_ahead_gets_its_clock_back(
    tmp_path: Path, store: DiskStore
) -> None:
    path = tmp_path / "clock.db"
    ahead = await SqliteDatabase.open(path, clock=lambda: wall_clock() + YEARS)
    house = await furnish(House.build(ahead, store))
    [job] = await jobs.create(house, CALLER, [make.independent(1)])
    await ahead.close()

    stuck = await SqliteDatabase.open(path)
    state = await storage_clock.inspect(stuck)
    assert state.advice is not None
    assert "3651 days ahead" in state.advice
    assert "enginehouse clock reset --data" in state.advice
    assert len(state.advice) < LONGEST_VALUE  # the log shows it whole
    first = await stuck.write(lambda tx: tx.read_clock())
    assert await stuck.write(lambda tx: tx.read_clock()) - first < 1000  # time stands still
    await stuck.close()

    mended = await SqliteDatabase.open(path, forget_clock=True)
    await storage_clock.reset(mended)
    await mended.close()

    again = await SqliteDatabase.open(path)
    assert (await storage_clock.inspect(again)).advice is None
    house = House.build(again, store)
    await register(house)
    assert await claimed(house) == {job.job_id}
    await again.close()
