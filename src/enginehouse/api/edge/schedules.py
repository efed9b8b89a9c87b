"""The operations of the REST interface on scheduled jobs and templates (rest-contract §2.3, §2.4)."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from enginehouse.api.edge import schedule_view
from enginehouse.api.edge.schedule_shapes import (
    CountSeries,
    LaunchAnswer,
    LaunchTemplate,
    Operation,
    PendingCounts,
    PendingRates,
    RateSeries,
    ScheduledJobAnswer,
    ScheduledJobList,
)
from enginehouse.api.http.call import DELETED, Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, Parameters, UnixTime, Uuid, answers, one_of
from enginehouse.api.http.json import reader
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import ids, times
from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.schedules.filter import Between, Order, ScheduleFilter
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.operations import accounts, sources
from enginehouse.operations.jobs import CreatedJob
from enginehouse.operations.references import Reference, ReferenceKind, refuse_unknown
from enginehouse.operations.schedules import backlog, schedules
from enginehouse.operations.schedules.launches import LaunchOptions, launch_templates

LAUNCH: Final = Body(LaunchTemplate)
# The default order is by creation. Later schedules have greater ids.
_ORDERS: Final[dict[str, Order]] = {
    "createdTime": "id",
    "createdDateTime": "id",
    "organizationID": "id",  # all of a list belong to one organization
    "runMode": "run_mode",
    "startTime": "start_at",
    "stopTime": "stop_at",
}
_LARGEST_INTERVAL: Final = 366 * 86_400
_SERIES: Final = {"startTime": UnixTime, "endTime": UnixTime, "interval": UnixTime}
_LIST: Final[Parameters] = {
    "scheduledJobID": str,
    "scheduledJobName": str,
    "internalOrganizationID": str,
    "coreID": Uuid,
    "runMode": one_of(*RunMode),
    "isActive": bool,
    "sourceID": int,
    "sourceType": str,
    "startTime": UnixTime,
    "endTime": UnixTime,
    "startStartTime": UnixTime,
    "endStartTime": UnixTime,
    "startStopTime": UnixTime,
    "endStopTime": UnixTime,
    "orderBy": one_of(*_ORDERS),
    "direction": Direction,
    **PAGE,
}


@answers(ScheduledJobAnswer)
async def detail(call: Call) -> Reply:
    """GET proc/scheduled_job/{ScheduledJobID}/detail, by number or UUID: the scheduled job."""
    schedule = await schedules.get(call.house, call.principal, refs.schedule(call.id))
    [view] = await schedule_view.details(call, call.principal, [schedule])
    return json(ScheduledJobAnswer(result=view))


@answers(ScheduledJobList, query=_LIST)
async def list_schedules(call: Call) -> Reply:
    """GET proc/scheduled_jobs: a page of the organization's scheduled jobs, and the number of all matches."""
    query = Query(call.query)
    owner, core = query.text("internalOrganizationID"), query.id("coreID", *refs.UUID)
    criteria = await _filter(call, query)
    query.finish()
    principal = await accounts.acting(call.house, call.principal, owner, "internalOrganizationID")
    if core is not None:  # no scheduled job comes from another server
        criteria = replace(criteria, ids=())
    page, count = await schedules.list_(call.house, principal, criteria, with_count=True)
    return json(
        ScheduledJobList(
            count=count or 0,
            limit=criteria.limit,
            offset=criteria.offset,
            result=await schedule_view.details(call, principal, page),
        )
    )


@answers(Operation)
async def delete(call: Call) -> Reply:
    """POST proc/scheduled_job/{ScheduledJobID}/delete: deletes the scheduled job; its jobs stay."""
    await schedules.delete(call.house, call.principal, refs.schedule(call.id))
    return DELETED


@answers(PendingRates, query=_SERIES)
async def rate_pending(call: Call) -> Reply:
    """GET proc/scheduled_jobs/rate_pending_time_ranges: the percentage of waiting jobs among those not ended."""
    series = await _series(call)
    return _counts(
        series,
        lambda mode, at: round(100 * series.pending[mode][at] / (series.live[mode][at] or 1), 4),
        RateSeries,
        PendingRates,
    )


@answers(PendingCounts, query=_SERIES)
async def total_pending(call: Call) -> Reply:
    """GET proc/scheduled_jobs/total_pending_time_ranges: the number of jobs that had not started."""
    series, here = await _series(call), socket.gethostname()
    return _counts(
        series,
        lambda mode, at: series.pending[mode][at],
        lambda mode, values: CountSeries(here, mode, values),
        PendingCounts,
    )


@answers(LaunchAnswer, body=LAUNCH)
async def launch(call: Call) -> Reply:
    """POST proc/template/{TemplateID}/launch: creates a job of the template, with the payload merged into its tasks."""
    return json(LaunchAnswer(Operation(True, len(await launched(call)))))


async def launched(call: Call) -> list[CreatedJob]:
    """The template of the path has a new job, which is returned. Raises Refusal."""
    body = await call.body(LAUNCH)
    template = refs.template(call.id)
    schedule = None
    if body.scheduled_job_id not in (None, ""):
        schedule = refs.schedule(str(body.scheduled_job_id), path="scheduledJobID")
    echo = dict[str, Any]()
    if body.source_id not in (None, ""):
        source = Reference("sourceID", ReferenceKind.SOURCE, str(body.source_id))
        await refuse_unknown(call.house, call.principal, [source])
        echo["coreSourceID"] = body.source_id
    options = LaunchOptions(payload=_payload(body.payload_json), echo=echo)
    try:
        return await launch_templates(call.house, call.principal, [template.number], schedule=schedule, options=options)
    except NotFound as missing:
        raise _respelled(missing, call.id) from None


def _respelled(missing: NotFound, template: str) -> NotFound:
    """Returns the same refusal with the names of this interface."""
    match missing.path:
        case "ids[0]":
            return NotFound("JobTemplate", template[:80])
        case "scheduledJobId":
            return NotFound(missing.object_type, missing.object_id, path="scheduledJobID")
        case _:
            return missing


async def _filter(call: Call, query: Query) -> ScheduleFilter:
    mode = query.word("runMode", tuple(RunMode))
    active = query.word("isActive", ("true", "false"))
    text, source, kind = (
        query.id("scheduledJobID", *refs.NUMBER_OR_UUID),
        query.id("sourceID", *refs.NUMBER),
        query.text("sourceType"),
    )
    offset, limit = query.page()
    order, descending = _ORDERS[query.order(tuple(_ORDERS))], query.descending()
    schedule_id = None if text is None else ids.parse_schedule(text)
    source_id = None if source is None else ids.parse_number(source)
    return ScheduleFilter(
        ids=None if text is None else () if schedule_id is None else (schedule_id,),
        name=query.text("scheduledJobName"),
        run_mode=None if mode is None else RunMode(mode),
        is_active=None if active is None else active == "true",
        own=True,
        dates={
            "created_at": Between(query.earliest("startTime"), query.latest("endTime")),
            "start_at": _within(query, "startStartTime", "endStartTime"),
            "stop_at": _within(query, "startStopTime", "endStopTime"),
        },
        source_ids=None if source is None else () if source_id is None else (source_id,),
        source_type_ids=None if kind is None else await _kinds(call, kind),
        order=((order, descending),),
        offset=offset,
        limit=limit,
    )


def _within(query: Query, first: str, last: str) -> Between:
    """Returns the range for a moment that a schedule may lack.

    Without bounds, a schedule without the moment matches too.
    """
    earliest, latest = query.earliest(first), query.latest(last)
    return Between(earliest, latest, or_empty=earliest is None and latest is None)


async def _kinds(call: Call, word: str) -> tuple[int, ...]:
    """Returns the source types with this name, in any case, or with this number."""
    types = await sources.types(call.house, call.principal)
    return tuple(each.id for each in types.values() if word.casefold() in (each.name.casefold(), str(each.id)))


def _payload(text: str | None) -> Any:
    """Returns the object in `payloadJSON`. Raises InvalidInput."""
    if text is None or not text.strip():
        return None
    try:
        payload = reader.read(text.encode())
    except reader.InexactInput as refusal:
        raise InvalidInput([replace(p, path=f"payloadJSON.{p.path}") for p in refusal.problems]) from None
    except (InvalidInput, UnicodeEncodeError):
        raise InvalidInput([Problem("payloadJSON", "must be JSON.")]) from None
    if not isinstance(payload, dict):
        raise InvalidInput([Problem("payloadJSON", "must be a JSON object.")])
    return payload


async def _series(call: Call) -> backlog.Series:
    query = Query(call.query)
    interval = query.integer("interval", 0, 1, _LARGEST_INTERVAL)
    window = backlog.SeriesRequest(
        start=query.earliest("startTime"), end=query.latest("endTime"), interval=interval or None
    )
    query.finish()
    return await backlog.series(call.house, call.principal, window)


def _counts(
    backlog_series: backlog.Series,
    value: Callable[[str, int], float],
    series: Callable[[str, list[Any]], Any],
    answer: Callable[..., PendingRates | PendingCounts],
) -> Reply:
    """Returns a series of each run mode, with the value at each mark."""
    seconds = [times.unix_seconds(mark) for mark in backlog_series.marks]
    counts = [
        series(mode, [(second, value(mode, at)) for at, second in enumerate(seconds)])
        for mode in backlog_series.pending
    ]
    return json(
        answer(
            counts=counts,
            start_date_time=times.rest(backlog_series.start),
            end_date_time=times.rest(backlog_series.end),
        )
    )
