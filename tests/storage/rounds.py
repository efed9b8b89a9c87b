"""Schedules as storage holds them, and rounds that fire them."""

from collections.abc import Sequence

from tests import make

from enginehouse.domain.schedules.firing import ScheduleState, first_look, placed
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Recurring, Rules, RunMode, Timing, Unit
from enginehouse.domain.times import SECOND
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.schedules import firing, schedules
from enginehouse.storage.schedules.firing import Fired, LaunchPlan

TEMPLATE = 7


def every(seconds: int) -> Timing:
    return Timing(recurring=(Recurring(Unit.SECONDS, seconds),))


async def add(
    database: Database,
    timing: Timing,
    *,
    since: int = 60,
    mode: RunMode = RunMode.RECURRING,
    rules: Rules | None = None,
    stop: int | None = None,
) -> Schedule:
    """A schedule that was activated `since` seconds ago and has not fired yet."""
    rules = rules or Rules()

    async def insert(tx: Tx) -> Schedule:
        await tx.run("test.organization", id=make.ORGANIZATION)
        now = await tx.read_clock()
        anchor, decided = placed(None, now - since * SECOND)
        schedule_id = await sequences.reserve(tx, "schedule")
        state = ScheduleState(
            schedule_id=schedule_id, mode=mode, timing=timing, rules=rules, anchor=anchor, decided=decided, stop=stop
        )
        made = Schedule(
            id=schedule_id, organization_id=make.ORGANIZATION, name="s", run_mode=mode, is_active=True, timing=timing,
            rules=rules, stop_at=stop, anchor=anchor, decided=decided, next_at=first_look(state),
        )  # fmt: skip
        await schedules.insert(tx, [made])
        return made

    return await database.write(insert)


async def round_(database: Database, ids: Sequence[int], *, version: int = 1, fault: str | None = None) -> Fired:
    ready = {i: LaunchPlan(version, [(TEMPLATE, make.new_job(make.independent(1)))], fault) for i in ids}
    return await database.write_work(lambda tx: firing.fire(tx, Plans(), ready))
