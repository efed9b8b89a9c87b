"""Scheduled jobs under `/api/v1/schedules`: made, changed, foreseen, paused, run by hand, looked back at."""

from typing import Any, Final

import msgspec

from enginehouse.api.edge.schedules import named
from enginehouse.api.http.call import NO_CONTENT, Call, Reply, json
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input.schedules import named as named_in
from enginehouse.api.input.schedules import schedule_request
from enginehouse.api.input.templates import inline
from enginehouse.api.v1.schedule_shapes import Run, ScheduleInput
from enginehouse.api.v1.schedule_view import coming, foreseen, schedules_shown, slot_shown
from enginehouse.domain import ids, times
from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.schedules.schedule import RunMode, ScheduleFilter
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules import slots as schedule_slots
from enginehouse.operations.schedules.launchables import Launches
from enginehouse.operations.schedules.launches import Launching, launch_schedule
from enginehouse.operations.schedules.schedules import MOST_PREVIEWED, Schedule

_INPUT: Final = Body(ScheduleInput, free=True)
_RUN: Final = Body(Run, free=True)
_LATEST: Final = (1 << 63) - 1


async def create(call: Call) -> Reply:
    """POST schedules: the schedule and the templates written into it."""
    request, launched, problems = _read(call, *await call.judged_body(_INPUT))
    made = await schedules.create(call.house, call.principal, request, launched or Launches(), found=problems)
    return await _shown(call, made)


async def list_(call: Call) -> Reply:
    """GET schedules: a page of those the caller may read, the newest first."""
    query = Query(call.query)
    mode = query.word("runMode", tuple(RunMode))
    active = query.word("isActive", ("true", "false"))
    offset, limit = query.page()
    wanted = ScheduleFilter(
        name=query.text("name"),
        run_mode=None if mode is None else RunMode(mode),
        is_active=None if active is None else active == "true",
        offset=offset,
        limit=limit,
    )
    query.finish()
    found, count = await schedules.list_(call.house, call.principal, wanted, with_count=True)
    result = await schedules_shown(call, found)
    return json({"success": True, "count": count, "offset": offset, "limit": limit, "result": result})


async def get(call: Call) -> Reply:
    """GET schedules/{ScheduleID}."""
    [text] = call.ids
    return await _shown(call, await schedules.get(call.house, call.principal, named(text), text))


async def update(call: Call) -> Reply:
    """PATCH schedules/{ScheduleID}: what is absent stays as it is."""
    [text] = call.ids
    request, launched, problems = _read(call, *await call.judged_body(_INPUT))
    changed = await schedules.update(
        call.house, call.principal, named(text), request, launched, shown=text, found=problems
    )
    return await _shown(call, changed)


async def delete(call: Call) -> Reply:
    """DELETE schedules/{ScheduleID}: it fires no more; its jobs stay."""
    [text] = call.ids
    await schedules.delete(call.house, call.principal, named(text), text)
    return NO_CONTENT


async def pause(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/pause: nothing of it starts from this commit on."""
    return await _switch(call, on=False)


async def resume(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/resume: it fires from now on; what passed meanwhile was no slot."""
    return await _switch(call, on=True)


async def run(call: Call) -> Reply:
    """POST schedules/{ScheduleID}/run: a job of each of its templates, now, whatever its calendar says."""
    [text] = call.ids
    given = await call.body(_RUN)
    launching = Launching(payload=given.payload, target_id=None if given.target_id is None else str(given.target_id))
    made = await launch_schedule(call.house, call.principal, named(text), text, launching=launching)
    warnings = [warning for job in made for warning in job.warnings]
    return _result({"jobIds": [ids.job_graphql(job.job_id) for job in made], "warnings": warnings})


async def preview(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/preview: the next slots, with what the clock on the wall has to do with them."""
    found = await _foreseen(call)
    return _result([coming(each) for each in found.coming])


async def explain(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/explain: what it does, what comes next in both zones, and what is odd about it."""
    return _result(foreseen(await _foreseen(call)))


async def imagine(call: Call) -> Reply:
    """POST schedules/explain: the same of a schedule that is not there; nothing is created."""
    given, problems = await call.judged_body(_INPUT)
    count, zone = _asked(call)
    request, unread = schedule_request(_plain(given, problems))
    found = await schedule_slots.imagine(
        call.house, call.principal, request, count=count, zone=zone, found=[*problems, *unread]
    )
    return _result(foreseen(found))


async def slots(call: Call) -> Reply:
    """GET schedules/{ScheduleID}/slots: what became of its slots and which jobs they started, the latest first."""
    [text] = call.ids
    query = Query(call.query)
    before, (_, limit) = query.earliest("before"), query.page()
    query.finish()
    found = await schedule_slots.history(
        call.house, call.principal, named(text), text, before=_LATEST if before is None else before, limit=limit
    )
    return _result([slot_shown(record, job_ids) for record, job_ids in found])


async def _switch(call: Call, *, on: bool) -> Reply:
    [text] = call.ids
    request = ScheduleRequest(is_active=on)
    return await _shown(call, await schedules.update(call.house, call.principal, named(text), request, shown=text))


async def _foreseen(call: Call) -> schedule_slots.Foresight:
    [text] = call.ids
    count, zone = _asked(call)
    return await schedule_slots.foresee(call.house, call.principal, named(text), text, count=count, zone=zone)


def _asked(call: Call) -> tuple[int, str | None]:
    query = Query(call.query)
    count, zone = query.integer("count", 10, 1, MOST_PREVIEWED), query.text("timeZone")
    query.finish()
    return count, zone


def _read(
    call: Call, given: ScheduleInput, problems: list[Problem]
) -> tuple[ScheduleRequest, Launches | None, list[Problem]]:
    """What is asked for; no launches where nothing is said of them, so that they stay as they are."""
    fields = _plain(given, problems)
    request, unread = schedule_request(fields)
    problems = [*problems, *unread]
    fresh, wrong = inline(call, fields.get("jobTemplates"), "jobTemplates")
    launched = Launches(
        template_ids=named_in(fields, "jobTemplateIds", ids.parse_job, problems),
        pipeline_ids=named_in(fields, "jobPipelineIds", ids.parse_pipeline, problems),
        fresh=fresh,
    )
    said = {"jobTemplates", "jobTemplateIds", "jobPipelineIds"} & fields.keys()
    return request, launched if said else None, problems + wrong


def _plain(given: ScheduleInput, problems: list[Problem]) -> dict[str, Any]:
    """The fields as GraphQL's coerced input has them: moments in µs."""
    fields: dict[str, Any] = msgspec.to_builtins(given)
    for name in ("startDateTime", "stopDateTime"):
        _moment(fields, name, name, problems)
    for number, template in enumerate(fields.get("jobTemplates") or ()):
        for ordinal, task in enumerate(template.get("taskTemplates") or ()):
            path = f"jobTemplates[{number}].taskTemplates[{ordinal}].executionPreferences.dueDateTime"
            _moment(task.get("executionPreferences") or {}, "dueDateTime", path, problems)
    return fields


def _moment(fields: dict[str, Any], name: str, path: str, problems: list[Problem]) -> None:
    if (value := fields.get(name)) is None:
        return
    try:
        fields[name] = times.moment(value)
    except times.DateTimeError as fault:
        problems.append(Problem(path, str(fault), excerpt(value)))
        del fields[name]


async def _shown(call: Call, schedule: Schedule) -> Reply:
    [found] = await schedules_shown(call, [schedule])
    return _result(found)


def _result(value: Any) -> Reply:
    return json({"success": True, "result": value})
