"""The queries and mutations of scheduled jobs."""

from collections.abc import Sequence
from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import content_templates, paging
from enginehouse.api.graphql.fields.templates import engine_names
from enginehouse.api.input import refs, templates
from enginehouse.api.input.references import references
from enginehouse.api.input.schedules import named, schedule_request
from enginehouse.domain.errors import NotFound, Problem
from enginehouse.domain.ids import JOB_FORM, UUID_FORM, parse_job, parse_number, parse_pipeline, parse_schedule
from enginehouse.domain.schedules.filter import Between, Moment, Order, ScheduleFilter
from enginehouse.domain.schedules.request import seconds_of_day
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.domain.times import graphql_millis
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules.launchables import LaunchSelection

query, mutation = QueryType(), MutationType()

_LAUNCHED: Final = ("jobTemplateIds", "jobPipelineIds", "jobTemplates", "contentTemplates")
_DATES: Final[dict[str, Moment]] = {
    "startDateTime": "start_at",
    "stopDateTime": "stop_at",
    "dateCreated": "created_at",
    "dateModified": "modified_at",
}
_ORDERS: Final[dict[str, Order]] = {
    "id": "id",
    "createdDateTime": "created_at",
    "modifiedDateTime": "modified_at",
    "startDateTime": "start_at",
    "stopDateTime": "stop_at",
    "name": "name",
    "runMode": "run_mode",
    "isActive": "is_active",
}


@query.field("scheduledJob")
async def get_schedule(_: object, info: Info, id: str) -> Schedule:
    """Returns the scheduled job with this id."""
    context = info.context
    return await schedules.get(context.house, context.principal, refs.schedule(id))


@query.field("scheduledJobs")
async def list_schedules(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the scheduled jobs that the caller may read, newest first by default."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.SCHEDULES)
    criteria = await _filter(context, args, offset, limit)
    page, _total = await schedules.list_(context.house, context.principal, criteria)
    for each in page:
        context.schedules.prime(each.id, each)
    return paging.Page(page, offset, limit)


async def _filter(context: Context, args: dict[str, Any], offset: int, limit: int) -> ScheduleFilter:
    mode, parts = args.get("runMode"), args.get("partTimeFilter") or ()
    order = tuple((_ORDERS[each["field"]], each.get("direction") != "asc") for each in args.get("orderBy") or ())
    return ScheduleFilter(
        ids=None if args.get("id") is None else tuple(filter(None, [parse_schedule(args["id"])])),
        name=args.get("name"),
        run_mode=None if mode is None else RunMode(mode.lower()),
        is_active=args.get("isActive"),
        # Only its owner may edit a schedule. Others may read a public one.
        own=args.get("permission") in ("editor", "owner"),
        dates=_dates(args.get("dateTimeFilter") or ()),
        part_starts=_times(parts, "startTime"),
        part_stops=_times(parts, "endTime"),
        source_ids=_numbers(args.get("primarySourceId")),
        source_type_ids=_numbers(args.get("primarySourceTypeId")),
        engine_ids=await _engines(context, args),
        cluster_id=args.get("clusterId"),
        has_template=args.get("hasJobTemplate"),
        has_live_jobs=args.get("hasRunningJobs"),
        order=order or (("id", True),),
        offset=offset,
        limit=limit,
    )


async def _engines(context: Context, args: dict[str, Any]) -> tuple[str, ...] | None:
    """Returns the engines of which a template must name one, None if any engine matches."""
    names, category = await engine_names(context, args), args.get("engineCategoryId")
    if category is not None:
        catalogue = context.house.catalogue.by_id.items()
        inside = frozenset(name for name, engine in catalogue if engine.spec.category_id == category)
        names = inside if names is None else names & inside
    return None if names is None else tuple(sorted(names))


def _dates(filters: Sequence[dict[str, Any]]) -> dict[Moment, Between]:
    """Returns the narrowest bounds of all filters of a field.

    An empty field matches if all of them include empty ones.
    """
    ranges = dict[Moment, Between]()
    for each in filters:
        first, last = each.get("fromDateTime"), each.get("toDateTime")
        between = Between(
            None if first is None else int(first),
            None if last is None else last.last,
            bool(each.get("includeEmpty")),
        )
        name = _DATES[each["field"]]
        ranges[name] = _both(ranges.get(name), between)
    return ranges


def _times(filters: Sequence[dict[str, Any]], name: str) -> Between | None:
    narrowest: Between | None = None
    for each in filters:
        if each["field"] == name:
            first, last = each.get("fromTime"), each.get("toTime")
            between = Between(
                None if first is None else seconds_of_day(first), None if last is None else seconds_of_day(last)
            )
            narrowest = _both(narrowest, between)
    return narrowest


def _both(one_: Between | None, other: Between) -> Between:
    if one_ is None:
        return other
    firsts = [each for each in (one_.first, other.first) if each is not None]
    lasts = [each for each in (one_.last, other.last) if each is not None]
    return Between(max(firsts, default=None), min(lasts, default=None), one_.or_empty and other.or_empty)


def _numbers(texts: Sequence[str | None] | None) -> tuple[int, ...] | None:
    """Returns the ids that are numbers. Other texts are ids of nothing, and are left out."""
    if texts is None:
        return None
    return tuple(number for text in texts if text and (number := parse_number(text)) is not None)


# -- change -------------------------------------------------------------------------------------------------


@mutation.field("createScheduledJob")
async def create(_: object, info: Info, input: dict[str, Any]) -> Schedule:
    """The scheduled job exists, with the templates of the request."""
    context = info.context
    request, problems = schedule_request(_plain(input))
    selection, wrong = _selection(context, input)
    return await schedules.create(
        context.house,
        context.principal,
        request,
        selection or LaunchSelection(),
        known_problems=[*problems, *wrong],
        references=references("CreateScheduledJob", input),
    )


@mutation.field("updateScheduledJob")
async def update(_: object, info: Info, input: dict[str, Any]) -> Schedule:
    """The given fields of the scheduled job are changed. If it is inactive now, it starts nothing from now on."""
    context = info.context
    request, problems = schedule_request(_plain(input))
    selection, wrong = _selection(context, input)
    ref = refs.schedule(input["id"])
    schedule = await schedules.update(
        context.house,
        context.principal,
        ref,
        request,
        selection,
        known_problems=[*problems, *wrong],
        references=references("UpdateScheduledJob", input),
    )
    _forget(context)
    return schedule


def _forget(context: Context) -> None:
    """The schedules that this request has read are forgotten, because it may have changed them."""
    for loader in (context.schedules, context.launched, context.content_templates):
        loader.forget()


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the input with the moments of its affiliates as texts, because they are only stored and shown again."""
    if not fields.get("affiliates"):
        return fields
    names = ("startDateTime", "stopDateTime")
    texts = [
        {**each, **{name: graphql_millis(each[name]) for name in names if each.get(name) is not None}}
        for each in fields["affiliates"]
    ]
    return {**fields, "affiliates": texts}


def _selection(context: Context, fields: dict[str, Any]) -> tuple[LaunchSelection | None, list[Problem]]:
    """Returns what the request wants to launch, None if it says nothing about it, and the problems."""
    if all(fields.get(name) is None for name in _LAUNCHED):
        return None, []
    content, problems = content_templates.inline(fields.get("contentTemplates"), "contentTemplates")
    template_ids = named(fields, "jobTemplateIds", parse_job, problems, form=JOB_FORM)
    pipeline_ids = named(fields, "jobPipelineIds", parse_pipeline, problems, form=UUID_FORM)
    fresh, wrong = templates.inline(context, fields.get("jobTemplates"), "jobTemplates")
    if fields.get("jobTemplates") == [] and not (template_ids or pipeline_ids):
        wrong.append(Problem("jobTemplates", "at least 1 template is required.", "0", "1 or more"))
    launched = LaunchSelection(template_ids=template_ids, pipeline_ids=pipeline_ids, fresh=fresh, content=content)
    return launched, problems + wrong


@mutation.field("deleteScheduledJob")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The scheduled job is gone and does not fire any more. Its jobs stay."""
    ref = refs.schedule(id)
    await schedules.delete(info.context.house, info.context.principal, ref)
    return {"id": str(ref.number), "message": f"ScheduledJob {ref.number} was deleted."}


@mutation.field("cloneScheduledJob")
async def clone(_: object, info: Info, input: dict[str, Any]) -> Schedule:
    """An inactive copy exists."""
    context, organization = info.context, input.get("organizationId")
    if organization is not None and organization != str(context.principal.organization_id):
        raise NotFound("Organization", organization, path="organizationId")
    return await schedules.clone(context.house, context.principal, refs.schedule(input["id"]))


@mutation.field("revertScheduledJob")
async def revert(_: object, info: Info, input: dict[str, Any]) -> Schedule:
    """The scheduled job is as it was before its last change."""
    context = info.context
    schedule = await schedules.revert(context.house, context.principal, refs.schedule(input["id"]))
    _forget(context)
    return schedule


BINDABLES: Final = [query, mutation]
