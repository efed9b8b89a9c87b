"""Scheduled jobs under `/api/v1/schedules`: create, change, preview, pause, run by hand, show the history."""

from typing import Annotated, Any, Final, NamedTuple

import msgspec

from enginehouse.api.http.call import NO_CONTENT, Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Parameters, Time, answers, one_of
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs, sdl
from enginehouse.api.input.references import references
from enginehouse.api.input.schedules import named, schedule_request
from enginehouse.api.input.templates import inline
from enginehouse.api.spelling import optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.schedule_shapes import (
    PreviewView,
    Run,
    ScheduleList,
    ScheduleView,
    SlotView,
    StartedRun,
    UpcomingSlotView,
)
from enginehouse.api.v1.schedule_view import preview_view, schedule_views, slot_view, upcoming_slot_view
from enginehouse.domain import ids
from enginehouse.domain.errors import Problem
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.preview import MOST_PREVIEWED
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.operations.references import Reference
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules import slots as schedule_slots
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.operations.schedules.launches import LaunchOptions, launch_schedule

_SDL: Final = "UpdateScheduledJob"  # only the id is required, and that is in the path
_INPUT: Final = Body(
    sdl.struct(
        _SDL,
        without=("id", "contentTemplates", "affiliates", "migrateIfLegacy"),
        types={
            "UpdateScheduledJob.primarySourceId": str | int,
            "CreateRecurringSchedulePart.repeatInterval": Any,  # checked together with the rest of the calendar
        },
    ),
    free=True,
)
_RUN: Final = Body(Run, free=True)
_LATEST: Final = (1 << 63) - 1
_PREVIEW: Final[Parameters] = {
    "count": Annotated[int, msgspec.Meta(ge=1, le=MOST_PREVIEWED)],
    "timeZone": str,
}
_LIST: Final[Parameters] = {"name": str, "runMode": one_of(*RunMode), "isActive": bool, **PAGE}


@answers(Result[ScheduleView], body=_INPUT)
async def create(call: Call) -> Reply:
    """POST schedules: creates the schedule and the templates in the body."""
    body = _read(call, *await call.judged_body(_INPUT))
    schedule = await schedules.create(
        call.house,
        call.principal,
        body.request,
        body.launches or LaunchSelection(),
        known_problems=body.problems,
        references=body.references,
    )
    return await _answer(call, schedule)


@answers(ScheduleList, query=_LIST)
async def list_schedules(call: Call) -> Reply:
    """GET schedules: a page of the schedules that the caller may read, newest first."""
    query = Query(call.query)
    mode = query.word("runMode", tuple(RunMode))
    active = query.word("isActive", ("true", "false"))
    offset, limit = query.page()
    criteria = ScheduleFilter(
        name=query.text("name"),
        run_mode=None if mode is None else RunMode(mode),
        is_active=None if active is None else active == "true",
        offset=offset,
        limit=limit,
    )
    query.finish()
    page, count = await schedules.list_(call.house, call.principal, criteria, with_count=True)
    views = await schedule_views(call, page)
    return json(ScheduleList(count=count or 0, offset=offset, limit=limit, result=views))


@answers(Result[ScheduleView])
async def get(call: Call) -> Reply:
    """GET schedules/{ScheduleID}: the schedule."""
    return await _answer(call, await schedules.get(call.house, call.principal, refs.schedule(call.id)))


@answers(Result[ScheduleView], body=_INPUT)
async def update(call: Call) -> Reply:
    """PATCH schedules/{ScheduleID}: absent fields stay as they are."""
    body = _read(call, *await call.judged_body(_INPUT))
    schedule = await schedules.update(
        call.house,
        call.principal,
        refs.schedule(call.id),
        body.request,
        body.launches,
        known_problems=body.problems,
        references=body.references,
    )
    return await _answer(call, schedule)


@answers(None, status=204)
async def delete(call: Call) -> Reply:
    """DELETE schedules/{ScheduleID}: it does not fire any more; its jobs stay."""
    await schedules.delete(call.house, call.principal, refs.schedule(call.id))
    return NO_CONTENT


@answers(Result[ScheduleView])
async def pause(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/pause: from this commit on nothing of it starts."""
    return await _switch(call, on=False)


@answers(Result[ScheduleView])
async def resume(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/resume: it fires from now on; slots that passed meanwhile do not fire."""
    return await _switch(call, on=True)


@answers(Result[StartedRun], body=_RUN)
async def run(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/run: creates a job of each of its templates now, independent of its calendar."""
    body = await call.body(_RUN)
    options = LaunchOptions(payload=body.payload, target_id=optional(str, body.target_id), target_path="targetId")
    jobs = await launch_schedule(call.house, call.principal, refs.schedule(call.id), options=options)
    warnings = [warning for job in jobs for warning in job.warnings]
    return result(StartedRun([ids.job_graphql(job.job_id) for job in jobs], warnings))


@answers(Result[list[UpcomingSlotView]], query=_PREVIEW)
async def preview(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/preview: the next slots, with their local times and clock changes."""
    upcoming = await _preview(call)
    return result([upcoming_slot_view(each) for each in upcoming.slots])


@answers(Result[PreviewView], query=_PREVIEW)
async def explain(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/explain: what it does, its next slots in both time zones, and its warnings."""
    return result(preview_view(await _preview(call)))


@answers(Result[PreviewView], body=_INPUT, query=_PREVIEW)
async def explain_unsaved(call: Call) -> Reply:
    """POST schedules/explain: the same for a schedule that does not exist; nothing is created."""
    body, problems = await call.judged_body(_INPUT)
    count, zone = _preview_query(call)
    read = _read(call, body, problems)
    upcoming = await schedule_slots.preview_request(
        call.house, call.principal, read.request, count=count, zone=zone, known_problems=read.problems
    )
    return result(preview_view(upcoming))


@answers(Result[list[SlotView]], query={"before": Time, **PAGE})
async def slots(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/slots: the outcome of its slots and the jobs that they created, latest first."""
    query = Query(call.query)
    before, (_, limit) = query.earliest("before"), query.page()
    query.finish()
    history = await schedule_slots.history(
        call.house, call.principal, refs.schedule(call.id), before=_LATEST if before is None else before, limit=limit
    )
    return result([slot_view(record, job_ids) for record, job_ids in history])


async def _switch(call: Call, *, on: bool) -> Reply:
    request = ScheduleRequest(is_active=on)
    return await _answer(call, await schedules.update(call.house, call.principal, refs.schedule(call.id), request))


async def _preview(call: Call) -> schedule_slots.SchedulePreview:
    count, zone = _preview_query(call)
    return await schedule_slots.preview(call.house, call.principal, refs.schedule(call.id), count=count, zone=zone)


def _preview_query(call: Call) -> tuple[int, str | None]:
    query = Query(call.query)
    count, zone = query.integer("count", 10, 1, MOST_PREVIEWED), query.text("timeZone")
    query.finish()
    return count, zone


class _ScheduleBody(NamedTuple):
    """What a body says. Launches that it does not mention stay as they are."""

    request: ScheduleRequest
    launches: LaunchSelection | None
    references: list[Reference]
    problems: list[Problem]


def _read(call: Call, body: msgspec.Struct, problems: list[Problem]) -> _ScheduleBody:
    fields = sdl.plain(_SDL, body, problems)
    request, unread = schedule_request(fields)
    problems = [*problems, *unread]
    fresh, unfit = inline(call, fields.get("jobTemplates"), "jobTemplates")
    launches = LaunchSelection(
        template_ids=named(fields, "jobTemplateIds", ids.parse_job, problems, form=ids.JOB_FORM),
        pipeline_ids=named(fields, "jobPipelineIds", ids.parse_pipeline, problems, form=ids.UUID_FORM),
        fresh=fresh,
    )
    mentioned = {"jobTemplates", "jobTemplateIds", "jobPipelineIds"} & fields.keys()
    return _ScheduleBody(request, launches if mentioned else None, references(_SDL, fields), problems + unfit)


async def _answer(call: Call, schedule: Schedule) -> Reply:
    [view] = await schedule_views(call, [schedule])
    return result(view)
