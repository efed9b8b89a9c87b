"""Scheduled jobs for tests of the operations, made the way an entrance makes them, and a house to make them in."""

from functools import partial
from typing import Any
from uuid import uuid4

from msgspec import structs
from tests import make

from enginehouse.domain.identity import Principal
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode, Unit
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import engines
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.storage import organizations as stored_organizations

DAILY = (RecurringPart(unit=Unit.DAYS, every=1, start="21:30"),)
CALLER, STRANGER = make.principal(), make.principal(organization_id=2)


async def register(house: House, *names: str) -> None:
    """The house knows the builders' engines and these."""
    known = [*make.ENGINES.values(), *(make.spec(name) for name in names)]
    await engines.register(house, [structs.replace(spec, category_id=CATEGORIES[0].id) for spec in known], CATEGORIES)


async def furnish(house: House) -> House:
    """The house has two organizations and knows the engines of the builders."""
    await register(house)
    for name in ("one", "two"):
        create = partial(
            stored_organizations.create_organization, name=name, application_id=str(uuid4()), default_retries=None
        )
        await house.database.write(create)
    return house


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
