"""Creates and changes schedules, and previews what the form means while a person fills it in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import HTMLResponse

from enginehouse.domain.errors import InvalidInput, NotAllowed, Problem
from enginehouse.domain.identity import Role
from enginehouse.domain.pipelines import Pipeline
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.zones import zone_names
from enginehouse.operations import engines, pipelines
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.permission import require
from enginehouse.operations.schedules import schedule_overview, schedules, slots
from enginehouse.operations.schedules.slots import SchedulePreview
from enginehouse.web import refs, schedule_form
from enginehouse.web.html import render
from enginehouse.web.page_request import Answer, GoTo, HtmlPage, Page, PageRequest
from enginehouse.web.schedule_form import fields_for, fields_of, places
from enginehouse.web.schedule_pipeline import with_pipeline

_MOST_ENGINES: Final = 1_000
_NEXT: Final = 5


async def new(request: PageRequest) -> HtmlPage:
    """GET /schedules/new: the empty form."""
    require(request.principal, Role.USER)
    return await _form(request, schedule_form.BLANK, None)


async def create(request: PageRequest) -> Answer:
    """POST /schedules/new: the schedule exists, or the form says what is wrong."""
    given = fields_of(request.form)
    read = await with_pipeline(
        request, given, schedule_form.read(request, given, await schedules.now(request.house)), fresh=True
    )
    try:
        made = await schedules.create(
            request.house, request.principal, read.request, read.selection, known_problems=read.problems
        )
    except InvalidInput as refused:
        return await _form(request, given, None, refused.problems)
    return GoTo(f"/schedules/{made.id}")


async def edit(request: PageRequest) -> HtmlPage:
    """GET /schedules/{id}/edit: the form of a schedule."""
    require(request.principal, Role.USER)
    ref = refs.schedule(request.path("id"))
    old, contents, known = await schedule_overview.to_edit(request.house, request.principal, ref)
    _refuse_foreign(request, old)
    return await _form(request, fields_for(old, contents), old, known=known)


async def change(request: PageRequest) -> Answer:
    """POST /schedules/{id}/edit: the schedule is changed, or the form says what is wrong."""
    old = await _own(request, request.path("id"))
    given = fields_of(request.form)
    read = await with_pipeline(
        request, given, schedule_form.read(request, given, await schedules.now(request.house), old), fresh=False
    )
    try:
        await schedules.update(
            request.house,
            request.principal,
            refs.schedule(request.path("id")),
            read.request,
            read.selection,
            known_problems=read.problems,
        )
    except InvalidInput as refused:
        return await _form(request, given, old, refused.problems)
    return GoTo(f"/schedules/{old.id}")


async def preview(request: PageRequest) -> Answer:
    """POST /schedules/preview: what the form means. For a script only that, else the whole form with it."""
    given = fields_of(request.form)
    read = schedule_form.read(request, given, await schedules.now(request.house))
    outlook, wrong = None, list[Problem]()
    try:
        outlook = await slots.preview_request(
            request.house, request.principal, read.request, count=_NEXT, known_problems=read.problems
        )
    except InvalidInput as refused:
        wrong = refused.problems
    if request.http.headers.get("hx-request"):
        return HTMLResponse(render("schedule_preview.html", preview=outlook, faults=places(wrong), labels=LABELS))
    old = await _own(request, request.form["schedule"]) if request.form.get("schedule") else None
    return await _form(request, given, old, wrong, outlook)


LABELS: Final = {
    "name": "Name", "description": "Description", "mode": "Runs", "every": "Every", "cron": "Cron line",
    "zone": "Time zone", "start": "Not before", "stop": "Not after", "excluded": "Not on these dates",
    "overlap": "While an earlier run has not ended", "catch_up": "Slots that were missed",
    "jitter": "Starts up to … later",
    "pipeline": "Pipeline", "input": "Address that it reads", "media_type": "Type of what it reads",
    "engine": "Engine", "payload": "Payload", "templates": "Job templates", "pipelines": "Job pipelines",
    "form": "The form",
}  # fmt: skip


async def _own(request: PageRequest, name: str) -> Schedule:
    """Returns the schedule. Raises NotFound, and NotAllowed for one that only others may change."""
    found = await schedules.get(request.house, request.principal, refs.schedule(name))
    _refuse_foreign(request, found)
    return found


def _refuse_foreign(request: PageRequest, schedule: Schedule) -> None:
    if schedule.organization_id != request.principal.organization_id:
        raise NotAllowed


async def _form(
    request: PageRequest,
    given: Mapping[str, str],
    old: Schedule | None,
    problems: Sequence[Problem] = (),
    outlook: SchedulePreview | None = None,
    *,
    known: Sequence[Pipeline] | None = None,
) -> HtmlPage:
    startable = await pipelines.list_(request.house, request.principal) if known is None else known
    installed = await engines.list_(request.house, request.principal, EngineFilter(limit=_MOST_ENGINES))
    values: dict[str, Any] = {
        "title": "New schedule" if old is None else f"Edit {old.name}",
        "schedule": old,
        "given": given,
        "faults": places(problems),
        "labels": LABELS,
        "options": schedule_form.OPTIONS,
        "known_pipelines": startable,
        "engines": sorted((each.spec.name, each.spec.id) for each in installed),
        "zones": sorted(name for name in zone_names() if "/" in name and not name.startswith("Etc/")),
        "preview": outlook,
    }
    return HtmlPage("schedule_form.html", values, 400 if problems else 200)


PAGES: Final[tuple[Page, ...]] = (
    ("GET", "/schedules/new", new),
    ("POST", "/schedules/new", create),
    ("POST", "/schedules/preview", preview),
    ("GET", "/schedules/{id}/edit", edit),
    ("POST", "/schedules/{id}/edit", change),
)
