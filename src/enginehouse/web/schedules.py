"""The schedules: the list, one with its calendar and the outcome of its slots, and what can be done with it."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any, Final

from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import EPOCH
from enginehouse.domain.schedules.zones import zone_of
from enginehouse.operations.schedules import schedule_overview, schedules, slots
from enginehouse.operations.schedules.launches import launch_schedule
from enginehouse.web import refs
from enginehouse.web.page_request import GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.pages import address, page_number
from enginehouse.web.schedule_form import OPTIONS

PAGE: Final = 50
_PAST: Final = 50
_NEXT: Final = 10
_YEARS: Final = (1970, 2399)


async def show_all(request: PageRequest) -> HtmlPage:
    """GET /schedules: a page of the schedules that match."""
    given = {name: request.query(name) for name in ("name", "state") if request.query(name)}
    number = page_number(request.query("page"))
    criteria = ScheduleFilter(
        name=given.get("name"),
        is_active={"active": True, "paused": False}.get(given.get("state", "")),
        offset=(number - 1) * PAGE,
        limit=PAGE,
    )
    found, count, last_jobs = await schedule_overview.page(request.house, request.principal, criteria)
    last = criteria.offset + len(found)
    return HtmlPage(
        "schedules.html",
        {
            "title": "Schedules",
            "schedules": found,
            "sentences": {each.id: slots.sentence(each) for each in found},
            "last_jobs": last_jobs,
            "count": count,
            "first": criteria.offset + 1,
            "last": last,
            "given": {"name": "", "state": "", **given},
            "filtered": bool(given),
            "before": address("/schedules", given, number - 1) if number > 1 else None,
            "after": address("/schedules", given, number + 1) if last < count else None,
            "may_change": request.may_change,
        },
    )


async def show(request: PageRequest) -> HtmlPage:
    """GET /schedules/{id}: what it does, when it runs next, and what became of its slots."""
    house, principal = request.house, request.principal
    ref = refs.schedule(request.path("id"))
    found = await schedule_overview.of_schedule(house, principal, ref, limit=_PAST)
    schedule, now = found.schedule, found.now
    coming = await slots.previewed(schedule, count=_NEXT, now=now, usual=found.usual_run)
    shown = _month(request.query("month"), schedule, coming.slots[0].slot if coming.slots else now)
    return HtmlPage(
        "schedule.html",
        {
            "title": schedule.name,
            "schedule": schedule,
            "preview": coming,
            "contents": found.contents,
            "engine_names": {spec.spec.id: spec.spec.name for spec in house.catalogue.by_id.values()},
            "rules": OPTIONS,
            "month": shown,
            "weeks": await slots.in_month(schedule, shown.year, shown.month, now),
            "month_before": _months_later(shown, -1),
            "month_after": _months_later(shown, 1),
            "past": found.past,
            "last_job": found.last_job,
            "may_change": request.may_change and schedule.organization_id == principal.organization_id,
        },
    )


def _month(text: str, schedule: Schedule, otherwise: int) -> date:
    """Returns the first day of the month that the address names, or else of that of the moment `otherwise`."""
    try:
        named = date.fromisoformat(f"{text}-01")
    except ValueError:
        named = date.min
    if _YEARS[0] <= named.year <= _YEARS[1]:
        return named
    local = (EPOCH + timedelta(microseconds=otherwise)).astimezone(zone_of(schedule.timing.zone))
    return local.date().replace(day=1)


def _months_later(month: date, count: int) -> str:
    year, number = divmod(month.year * 12 + month.month - 1 + count, 12)
    return f"{year:04}-{number + 1:02}"


async def pause(request: PageRequest) -> GoTo:
    """POST /schedules/{id}/pause: it fires no more."""
    return await _do(request, _set_active(on=False))


async def resume(request: PageRequest) -> GoTo:
    """POST /schedules/{id}/resume: it fires from now on; slots that passed meanwhile do not."""
    return await _do(request, _set_active(on=True))


async def run(request: PageRequest) -> GoTo:
    """POST /schedules/{id}/run: one job of each of its templates is created now."""
    made = await launch_schedule(request.house, request.principal, refs.schedule(request.path("id")))
    if len(made) == 1:
        return GoTo(f"/jobs/{job_graphql(made[0].job_id)}")
    return GoTo(f"/jobs?schedule={refs.schedule(request.path('id')).number}")


async def delete(request: PageRequest) -> GoTo:
    """POST /schedules/{id}/delete: it is gone; its jobs stay."""
    await schedules.delete(request.house, request.principal, refs.schedule(request.path("id")))
    return GoTo("/schedules")


def _set_active(*, on: bool) -> Callable[[PageRequest, Ref], Awaitable[Any]]:
    async def act(request: PageRequest, ref: Ref) -> Any:
        return await schedules.update(request.house, request.principal, ref, ScheduleRequest(is_active=on))

    return act


async def _do(request: PageRequest, act: Callable[[PageRequest, Ref], Awaitable[Any]]) -> GoTo:
    ref = refs.schedule(request.path("id"))
    await act(request, ref)
    return GoTo(f"/schedules/{ref.number}")


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/schedules", show_all),
    ("GET", "/schedules/{id}", show),
    ("POST", "/schedules/{id}/pause", pause),
    ("POST", "/schedules/{id}/resume", resume),
    ("POST", "/schedules/{id}/run", run),
    ("POST", "/schedules/{id}/delete", delete),
)
