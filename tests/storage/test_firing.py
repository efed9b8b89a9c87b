"""Slots fire once, with concurrent rounds of several servers, whatever each sees and whenever one stops."""

import asyncio
from collections.abc import Sequence
from itertools import islice

import pytest
from tests import make
from tests.storage.rounds import TEMPLATE, add, every, round_

from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.domain.schedules.timing import CatchUp, Overlap, Rules, RunMode, Timing
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import cancellation, queries
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.schedules import firing, schedules
from enginehouse.storage.schedules.firing import Fired, LaunchPlan
from enginehouse.storage.work import claims

pytestmark = pytest.mark.usefixtures("own_statements")


async def settled(database: Database, schedule: Schedule) -> tuple[Schedule, list[SlotRecord], list[int]]:
    """The schedule, the records of its slots in order, and the slots of the jobs that it started."""

    async def read(tx: Tx) -> tuple[Schedule, list[SlotRecord], list[int]]:
        [now] = (await schedules.by_ids(tx, make.ORGANIZATION, [schedule.id])).values()
        told = await schedules.slots(tx, schedule.id, before=1 << 62, limit=100_000)
        started = await tx.all("test.slots_of_jobs", id=schedule.id)
        return now, told[::-1], [row[0] for row in started]

    return await database.read(read)


def expected(now: Schedule, schedule: Schedule) -> list[int]:
    """The slots that must be decided by now: those up to the cursor."""
    coming = slots(now.timing, anchor=schedule.anchor, after=schedule.decided)
    return [slot for slot in islice(coming, 100_000) if slot <= now.decided]


def told_slots(now: Schedule, schedule: Schedule, told: Sequence[SlotRecord]) -> list[int]:
    """Every slot in the records, as often as it occurs."""
    all_slots = expected(now, schedule)
    return sorted(slot for record in told for slot in all_slots if record.slot <= slot <= record.last_slot)


async def test_every_slot_fires_once_however_many_servers_look(contended: Database) -> None:
    rules = Rules(catch_up=CatchUp.ALL)
    made = [await add(contended, every(2 + n % 3), rules=rules) for n in range(20)]
    ids = [schedule.id for schedule in made]
    results = await asyncio.gather(*(round_(contended, ids) for _ in range(12)))
    assert sum(result.looked_at for result in results) >= len(ids)
    for schedule in made:
        now, told, started = await settled(contended, schedule)
        assert started == expected(now, schedule)
        assert [record.slot for record in told] == started
        assert now.fired == len(started) >= 14


async def test_a_round_that_is_lost_has_done_nothing(contended: Database) -> None:
    schedule = await add(contended, every(5), rules=Rules(catch_up=CatchUp.ALL))
    ready = {schedule.id: LaunchPlan(1, [(TEMPLATE, make.new_job(make.independent(1)))])}

    async def lost(tx: Tx) -> None:
        fired = await firing.fire(tx, Plans(), ready)
        assert fired.jobs
        raise KeyError("the server is gone")

    with pytest.raises(KeyError):
        await contended.write_work(lost)
    _, told, started = await settled(contended, schedule)
    assert (told, started) == ([], [])
    await round_(contended, [schedule.id])
    now, _, started = await settled(contended, schedule)
    assert started == expected(now, schedule)


@pytest.mark.parametrize(("catch_up", "kept"), [(CatchUp.NONE, 0), (CatchUp.LAST, 1), (CatchUp.ALL, 3)])
async def test_missed_slots_fire_or_are_recorded_as_ranges(database: Database, catch_up: CatchUp, kept: int) -> None:
    # The last slot is 40 s old, so that all are late.
    schedule = await add(database, every(100), since=1040, rules=Rules(catch_up=catch_up, most=3))
    await round_(database, [schedule.id])
    now, told, started = await settled(database, schedule)
    wanted = expected(now, schedule)
    assert len(wanted) == 10
    assert started == (wanted[-kept:] if kept else [])
    assert told_slots(now, schedule, told) == wanted
    assert [record.outcome for record in told] == ["skipped"] + ["fired"] * kept
    assert (told[0].reason, told[0].slots) == ("missed", 10 - kept)
    assert (now.fired, now.skipped) == (kept, 10 - kept)


async def test_a_past_longer_than_one_round_is_gone_through_in_several(database: Database) -> None:
    schedule = await add(database, every(1), since=25_000)
    rounds = 0
    while (await round_(database, [schedule.id])).looked_at:
        rounds += 1
    now, told, started = await settled(database, schedule)
    assert rounds >= 3
    assert told_slots(now, schedule, told) == expected(now, schedule)
    assert len(started) < 20


async def test_a_changed_schedule_is_left_for_the_next_round(database: Database) -> None:
    schedule = await add(database, every(5))
    assert await round_(database, [schedule.id], version=2) == Fired()
    assert (await settled(database, schedule))[1:] == ([], [])


async def test_what_cannot_be_launched_is_recorded_with_the_reason(database: Database) -> None:
    schedule = await add(database, every(50), since=101)
    await round_(database, [schedule.id], fault="invalid_template: gone")
    now, told, started = await settled(database, schedule)
    assert started == []
    assert told[-1].reason == "invalid_template: gone"
    assert told_slots(now, schedule, told) == expected(now, schedule)


async def test_a_schedule_that_cannot_be_worked_out_keeps_no_other_from_firing(database: Database) -> None:
    made = [await add(database, every(50), since=101) for _ in range(3)]
    lost = made[1]
    gone = '{"recurring":[{"unit":"days","every":1}],"zone":"Gone/Nowhere"}'
    await database.write(lambda tx: tx.run("test.zone_gone", id=lost.id, timing=gone))
    fired = await round_(database, [schedule.id for schedule in made])
    assert len(fired.jobs) == 2
    now, told, started = await settled(database, lost)
    assert (now.decided, told, started) == (lost.decided, [], [])
    assert now.next_at is not None
    assert (await round_(database, [lost.id])).looked_at == 0
    whole = '{"recurring":[{"unit":"seconds","every":50}]}'
    await database.write(lambda tx: tx.run("test.zone_gone", id=lost.id, timing=whole))
    await database.write(lambda tx: tx.run("test.schedules_due"))
    await round_(database, [lost.id])
    now, told, _ = await settled(database, lost)
    assert told_slots(now, lost, told) == expected(now, lost)
    assert now.decided > lost.decided


async def end_jobs(database: Database, job_ids: Sequence[int]) -> None:
    wanted = [(job_id, make.ORGANIZATION) for job_id in job_ids]
    assert all(await database.write_work(lambda tx: cancellation.cancel(tx, wanted)))


async def test_overlap_skip_leaves_out_what_comes_while_a_run_goes_on(database: Database) -> None:
    schedule = await add(database, every(2), since=7, rules=Rules(overlap=Overlap.SKIP, catch_up=CatchUp.ALL))
    fired = await round_(database, [schedule.id])
    now, told, started = await settled(database, schedule)
    assert started == expected(now, schedule)[:1]
    assert [(record.outcome, record.reason) for record in told] == [("fired", None), ("skipped", "overlap")]
    assert len(fired.jobs) == 1


async def test_overlap_queue_starts_the_next_when_the_one_before_has_ended(database: Database) -> None:
    schedule = await add(database, every(2), since=7, rules=Rules(overlap=Overlap.QUEUE, catch_up=CatchUp.ALL))
    [first] = (await round_(database, [schedule.id])).jobs
    now, told, _ = await settled(database, schedule)
    assert [record.outcome for record in told] == ["fired", "queued", "queued"]
    await database.write(lambda tx: tx.run("test.schedules_due"))
    assert (await round_(database, [schedule.id])).jobs == []
    await end_jobs(database, [first])
    await database.write(lambda tx: tx.run("test.schedules_due"))
    [_] = (await round_(database, [schedule.id])).jobs
    now, told, started = await settled(database, schedule)
    assert started == expected(now, schedule)[:2]
    assert told_slots(now, schedule, told) == expected(now, schedule)


async def test_overlap_replace_stops_the_run_before_with_what_of_it_runs(database: Database) -> None:
    rules = Rules(overlap=Overlap.REPLACE, catch_up=CatchUp.ALL)
    schedule = await add(database, every(1000), since=1001, rules=rules)
    [first] = (await round_(database, [schedule.id])).jobs
    [lease] = await database.write_work(
        lambda tx: claims.claim(tx, Plans(), pool="native", limit=1, worker="w", lease_micros=10**9)
    )
    await database.write(lambda tx: tx.run("test.schedules_back", id=schedule.id))
    fired = await round_(database, [schedule.id])
    assert fired.stopping == [first] == [lease.key.job_id]
    assert len(fired.jobs) == 1
    job = await database.read(lambda tx: queries.by_ids(tx, make.ORGANIZATION, [first]))
    assert job[first].stopping == 1


async def test_now_fires_at_once_and_is_once_when_its_run_has_ended(database: Database) -> None:
    schedule = await add(database, Timing(), since=0, mode=RunMode.NOW)
    [job] = (await round_(database, [schedule.id])).jobs
    await database.write(lambda tx: tx.run("test.schedules_due"))
    assert (await round_(database, [schedule.id])).jobs == []
    assert (await settled(database, schedule))[0].run_mode is RunMode.NOW
    await end_jobs(database, [job])
    await database.write(lambda tx: tx.run("test.schedules_due"))
    assert (await round_(database, [schedule.id])).jobs == []
    now = (await settled(database, schedule))[0]
    assert (now.run_mode, now.next_at, now.fired) == (RunMode.ONCE, None, 1)


async def test_continuous_runs_one_after_the_other_until_its_stop(database: Database) -> None:
    schedule = await add(database, Timing(), since=0, mode=RunMode.CONTINUOUS)
    [first] = (await round_(database, [schedule.id])).jobs
    await database.write(lambda tx: tx.run("test.schedules_due"))
    assert (await round_(database, [schedule.id])).jobs == []
    await end_jobs(database, [first])
    await database.write(lambda tx: tx.run("test.schedules_back", id=schedule.id))
    [second] = (await round_(database, [schedule.id])).jobs
    await database.write(lambda tx: tx.run("test.schedule_stops", id=schedule.id))
    fired = await round_(database, [schedule.id])
    assert (fired.jobs, fired.stopping) == ([], [second])
    assert (await settled(database, schedule))[0].next_at is None
