"""Scheduled jobs for tests of the operations, created as an entrance creates them."""

from typing import Any

from tests import make

from enginehouse.domain.identity import Principal
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode, Unit
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules.launchables import LaunchSelection

DAILY = (RecurringPart(unit=Unit.DAYS, every=1, start="21:30"),)
CALLER = make.principal()


def template(engine: str = "noop", *, principal: Principal = CALLER, **document: Any) -> JobTemplate:
    """A template with one task, for the creation together with a schedule."""
    task = TaskTemplate(template_id=0, ordinal=0, request=TaskRequest(engine_id=engine, payload={"keep": 1, "say": 2}))
    return JobTemplate(
        id=0, organization_id=principal.organization_id, document=TemplateDocument(**document), tasks=(task,)
    )


async def scheduled(
    house: House, name: str = "s", *, principal: Principal = CALLER, fresh: tuple[JobTemplate, ...] = (), **more: Any
) -> Schedule:
    """A schedule that launches one job of one task."""
    request = ScheduleRequest(name=name, **more)
    return await schedules.create(
        house, principal, request, LaunchSelection(fresh=fresh or (template(principal=principal),))
    )


async def recurring(house: House, name: str = "s", **more: Any) -> Schedule:
    """The same, every day."""
    return await scheduled(house, name, run_mode=RunMode.RECURRING, **{"recurring": DAILY, **more})
