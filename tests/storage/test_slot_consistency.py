"""The consistency check finds wrong schedules: those that no server fires, and those that would fire twice."""

import pytest
from tests.storage.rounds import add, every, round_

from enginehouse.domain.times import SECOND
from enginehouse.storage import consistency
from enginehouse.storage.consistency import ScheduleCheck
from enginehouse.storage.database.database import Database

pytestmark = pytest.mark.usefixtures("own_statements")


async def audited(database: Database, *, later: int = 0) -> ScheduleCheck:
    now = await database.read(lambda tx: tx.read_clock()) + later
    return await database.read(lambda tx: consistency.check_schedules(tx, now=now))


async def test_schedules_that_are_fired_are_well(database: Database) -> None:
    assert await audited(database) == ScheduleCheck(active=0, overdue=0, next_at=None)
    schedule = await add(database, every(1000), since=1001)
    await round_(database, [schedule.id])
    found = await audited(database)
    assert (found.active, found.overdue, found.wrong) == (1, 0, ())
    assert found.next_at is not None


async def test_schedules_that_nobody_fires_are_counted(database: Database) -> None:
    for _ in range(3):
        await add(database, every(1000), since=1001)
    assert (await audited(database)).overdue == 0
    assert (await audited(database, later=70 * SECOND)).overdue == 3


async def test_a_cursor_that_fell_back_and_a_zone_that_is_gone_are_named(database: Database) -> None:
    fallen = await add(database, every(1000), since=1001)
    await round_(database, [fallen.id])
    lost = await add(database, every(1000))
    await database.write(lambda tx: tx.run("test.cursor_falls_back", id=fallen.id))
    timing = '{"recurring":[{"unit":"days","every":1}],"zone":"Gone/Nowhere"}'
    await database.write(lambda tx: tx.run("test.zone_gone", id=lost.id, timing=timing))
    wrong = dict((await audited(database)).wrong)
    assert wrong == {
        fallen.id: "has fired a slot 500 s ahead of what it takes for decided",
        lost.id: 'cannot be worked out: "Gone/Nowhere" is not an IANA zone.',
    }
