"""What a server does when schedules are due: what it plans again, what it waits for, what it forgets."""

import asyncio

import pytest
from tests.operations.scheduled import CALLER, register, scheduled, template

from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode, Unit
from enginehouse.operations import maintenance
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing, schedules, slots
from enginehouse.operations.schedules.firing import JobCache, fire_due

pytestmark = pytest.mark.usefixtures("own_statements")

SLOWLY = (RecurringPart(unit=Unit.SECONDS, every=1000),)


async def due(house: House, schedule: Schedule) -> None:
    """Moves the schedule so that it had a slot a second ago."""
    await house.database.write(lambda tx: tx.run("test.schedules_back", id=schedule.id))


async def told(house: House, schedule: Schedule) -> list[tuple[str, str | None]]:
    """The records of slots, in the order of the decisions."""
    found = sorted(
        [each for each, _ in await slots.history(house, CALLER, Ref.of(schedule.id))],
        key=lambda record: record.decided_at,
    )
    return [(record.outcome, record.reason) for record in found]


async def test_a_template_that_became_impossible_is_said_and_comes_back_with_its_engine(ready: House) -> None:
    schedule = await scheduled(ready, run_mode=RunMode.RECURRING, recurring=SLOWLY, fresh=(template("later"),))
    made = JobCache()
    await due(ready, schedule)
    assert (await fire_due(ready, made))[0].jobs == []
    await register(ready, "later")
    await due(ready, schedule)
    assert len((await fire_due(ready, made))[0].jobs) == 1
    [(first, why), second] = await told(ready, schedule)
    assert (first, second) == ("skipped", ("fired", None))
    assert why is not None
    assert why.startswith("invalid_template: ")


async def test_more_templates_than_are_remembered_all_fire(ready: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "_KEPT", 3)
    fresh = tuple(template() for _ in range(8))
    schedule = await scheduled(ready, run_mode=RunMode.RECURRING, recurring=SLOWLY, fresh=fresh)
    made = JobCache()
    for _ in range(2):
        await due(ready, schedule)
        assert len((await fire_due(ready, made))[0].jobs) == 8


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_server_that_comes_second_looks_again_soon_and_not_at_once(ready: House) -> None:
    """Another server holds the schedule. Queries without a pause would keep the database from ending that."""
    schedule = await scheduled(ready, run_mode=RunMode.RECURRING, recurring=SLOWLY)
    await due(ready, schedule)
    held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async def locked(tx: object) -> None:
            await tx.all("schedules.lock_due", ids=[schedule.id], now=1 << 62)  # type: ignore[attr-defined]
            held.set()
            await done.wait()

        await ready.database.write(locked)

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        await held.wait()
        fired, delay = await fire_due(ready, JobCache())
        assert (fired.looked_at, delay > 0) == (0, True)
        done.set()
    assert (await fire_due(ready, JobCache()))[0].looked_at == 1


async def test_history_is_forgotten_in_bounded_batches_and_never_what_waits_or_can_be_put_back(ready: House) -> None:
    kept = await scheduled(ready, run_mode=RunMode.RECURRING, recurring=SLOWLY)
    for _ in range(5):
        await due(ready, kept)
        await fire_due(ready, JobCache())
    for name in ("b", "c", "d"):
        await schedules.update(ready, CALLER, Ref.of(kept.id), ScheduleRequest(name=name))
    other = await scheduled(ready, run_mode=RunMode.RECURRING, recurring=SLOWLY)
    await due(ready, other)
    await fire_due(ready, JobCache())
    await ready.database.write(lambda tx: tx.run("test.slots_wait", id=other.id))
    history = maintenance.SlotHistory()
    keep = ready.limits.retention_seconds * 1_000_000
    now = await maintenance.storage_time(ready)
    while await history.prune(ready, now=now, schedules=1):
        pass
    assert len(await told(ready, kept)) == 5
    # The slots lie up to 5 × 1001 s back, so none is younger than this.
    later = now + keep + 1_000_000
    assert await history.prune(ready, now=later, schedules=1, limit=3)
    assert len(await told(ready, kept)) == 2
    while await history.prune(ready, now=later, schedules=1, limit=3):
        pass
    assert await told(ready, kept) == []
    assert [outcome for outcome, _ in await told(ready, other)] == ["queued"]
    assert (await schedules.revert(ready, CALLER, Ref.of(kept.id))).name == "c"
