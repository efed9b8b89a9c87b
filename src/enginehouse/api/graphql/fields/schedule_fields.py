"""The fields of a ScheduledJob."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.graphql.fields.job_filter import job_filter
from enginehouse.api.graphql.fields.sources import load_source
from enginehouse.api.spelling import optional
from enginehouse.api.view import schedule as view
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.preview import upcoming
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.templates import named_sources
from enginehouse.domain.times import graphql_millis
from enginehouse.operations.schedules import slots

schedule_type, affiliate_type = ObjectType("ScheduledJob"), ObjectType("ProgramAffiliate")

Resolver = Callable[[Schedule, Info], Any]


def _own(schedule: Schedule, context: Context) -> bool:
    return schedule.organization_id == context.principal.organization_id


@schedule_type.field("organization")
async def organization_of(schedule: Schedule, info: Info) -> Any:
    """Returns the organization if it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if _own(schedule, info.context) else None


@schedule_type.field("permission")
def permission_of(schedule: Schedule, info: Info) -> str:
    """Returns what the caller may do with it. A public one of another organization can only be read."""
    return "owner" if _own(schedule, info.context) else "viewer"


# -- templates, pipelines and jobs --------------------------------------------------------------------------


@schedule_type.field("jobTemplates")
async def templates_of(schedule: Schedule, info: Info, **args: Any) -> paging.Page:
    """Returns the templates that it launches outside pipelines, in order."""
    launched = await info.context.launched.get(schedule.id)
    templates = launched.templates if launched else ()
    return paging.page(templates, args.get("offset"), args.get("limit"), paging.TEMPLATES)


@schedule_type.field("jobTemplateIds")
async def template_ids_of(schedule: Schedule, info: Info) -> list[str]:
    """Returns their ids."""
    launched = await info.context.launched.get(schedule.id)
    return [job_graphql(template.id) for template in launched.templates] if launched else []


@schedule_type.field("allJobTemplates")
async def all_templates_of(schedule: Schedule, info: Info, **args: Any) -> paging.Page:
    """Returns all templates that it launches, also those of its pipelines, stage by stage."""
    launched = await info.context.launched.get(schedule.id)
    templates = launched.everything if launched else ()
    return paging.page(templates, args.get("offset"), args.get("limit"), paging.TEMPLATES)


@schedule_type.field("jobPipelines")
async def pipelines_of(schedule: Schedule, info: Info, **args: Any) -> paging.Page:
    """Returns the pipelines that it launches, in order."""
    launched = await info.context.launched.get(schedule.id)
    pipelines = launched.pipelines if launched else ()
    return paging.page(pipelines, args.get("offset"), args.get("limit"), paging.TEMPLATES)


@schedule_type.field("jobPipelineIds")
async def pipeline_ids_of(schedule: Schedule, info: Info) -> list[str]:
    """Returns their ids."""
    launched = await info.context.launched.get(schedule.id)
    return [pipeline_uuid(pipeline.id) for pipeline in launched.pipelines] if launched else []


@schedule_type.field("jobs")
async def jobs_of(schedule: Schedule, info: Info, **args: Any) -> paging.Page:
    """Returns a page of its jobs, newest first. The jobs of sibling schedules are read together."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.JOBS)
    criteria = await job_filter(context, args)
    if criteria is None or not _own(schedule, context):
        return paging.Page((), offset, limit)
    jobs = await context.job_pages.get(replace(criteria, schedule_ids=(schedule.id,))) or ()
    for job in jobs:
        context.jobs.prime(job.id, job)
    return paging.Page(jobs, offset, limit)


# -- sources -------------------------------------------------------------------------------------------------


@schedule_type.field("primarySource")
def source_of(schedule: Schedule, info: Info) -> Any:
    """Returns the primary source."""
    return optional(info.context.sources.load, schedule.source_id)


@schedule_type.field("primarySourceTypeId")
async def source_type_id_of(schedule: Schedule, info: Info) -> int | None:
    """Returns the type of the primary source."""
    source = None if schedule.source_id is None else await info.context.sources.get(schedule.source_id)
    return None if source is None else source.source_type_id


@schedule_type.field("primarySourceType")
async def source_type_of(schedule: Schedule, info: Info) -> Any:
    """Returns the type of the primary source."""
    type_id = await source_type_id_of(schedule, info)
    return None if type_id is None else await info.context.source_type(type_id)


@schedule_type.field("sources")
async def sources_of(schedule: Schedule, info: Info, **args: Any) -> paging.Page:
    """Returns the primary source, then the sources that its templates name."""
    launched = await info.context.launched.get(schedule.id)
    ids = dict.fromkeys([*filter(None, [schedule.source_id]), *named_sources(launched.everything if launched else ())])
    sources = await asyncio.gather(*(info.context.sources.get(source_id) for source_id in ids))
    return paging.page([*filter(None, sources)], args.get("offset"), args.get("limit"), paging.SOURCES)


# -- slots ---------------------------------------------------------------------------------------------------


@schedule_type.field("nextRuns")
async def next_runs(schedule: Schedule, info: Info, count: int | None = None) -> list[dict[str, Any]]:
    """Returns the next slots, as if the schedule were active."""
    now = await info.context.now()
    # Calendars take time: other tasks run meanwhile.
    slots_ahead = await asyncio.to_thread(upcoming, schedule, count=5 if count is None else count, now=now)
    return [view.upcoming_slot(each, graphql_millis) for each in slots_ahead]


@schedule_type.field("nextRunDateTime")
async def next_run_of(schedule: Schedule, info: Info) -> str | None:
    """Returns when its next run is due, null if it has none."""
    if not schedule.is_active:
        return None
    coming = upcoming(schedule, count=1, now=await info.context.now())
    return graphql_millis(coming[0].due_at) if coming else None


@schedule_type.field("slots")
async def slots_of(schedule: Schedule, info: Info, **args: Any) -> list[dict[str, Any]]:
    """Returns the history of its slots, latest first."""
    context, before = info.context, args.get("beforeDateTime")
    _, limit = paging.bounds(0, args.get("limit"), context.house.limits.page_size)
    history = await slots.history(
        context.house,
        context.principal,
        Ref.of(schedule.id),
        before=slots.LATEST if before is None else int(before),
        limit=limit,
    )
    return [view.slot_record(record, job_ids, graphql_millis) for record, job_ids in history]


@schedule_type.field("warnings")
async def warnings_of(schedule: Schedule, info: Info) -> list[str]:
    """Returns its warnings."""
    context = info.context
    context.schedules.prime(schedule.id, schedule)
    launched = await context.launched.get(schedule.id)
    warnings = list(await context.warnings.get(schedule.id) or ())
    if _own(schedule, context) and not (launched and launched.everything):
        warnings.append("It has nothing to launch: give it jobTemplates, jobTemplateIds or jobPipelineIds.")
    return warnings


@schedule_type.field("explanation")
async def explanation_of(schedule: Schedule, info: Info, **args: Any) -> str:
    """Returns what it does and when it runs next, in its own time zone and the reader's."""
    return slots.explanation(schedule, await info.context.now(), args.get("timeZone"))


# -- affiliates ----------------------------------------------------------------------------------------------


@schedule_type.field("affiliates")
def affiliates_of(schedule: Schedule, _: Info) -> paging.Page:
    """Returns the affiliates of the request, unchanged."""
    affiliates = [{**each, "scheduledJobId": schedule.id} for each in schedule.document.get("affiliates") or ()]
    return paging.Page(affiliates, 0, max(len(affiliates), 1))


@affiliate_type.field("source")
def affiliate_source_of(affiliate: dict[str, Any], info: Info) -> Any:
    """Returns the affiliate's source."""
    return load_source(info.context, affiliate.get("sourceId"))


@affiliate_type.field("scheduledJob")
def affiliate_schedule_of(affiliate: dict[str, Any], info: Info) -> Any:
    """Returns the affiliate's scheduled job."""
    return info.context.schedules.load(affiliate["scheduledJobId"])


def _fact(fact: Callable[[Schedule], Any]) -> Resolver:
    return lambda schedule, _: fact(schedule)


def _moment(moment: Callable[[Schedule], int | None]) -> Resolver:
    return lambda schedule, _: optional(graphql_millis, moment(schedule))


for _name, _value in view.FACTS.items():
    schedule_type.set_field(_name, _fact(_value))
for _name, _at in view.MOMENTS.items():
    schedule_type.set_field(_name, _moment(_at))
schedule_type.set_field("collaborators", lambda _, __: paging.Page((), 0, 30))
schedule_type.set_field("firedCount", lambda schedule, _: schedule.fired)
schedule_type.set_field("skippedCount", lambda schedule, _: schedule.skipped)
BINDABLES: Final = [schedule_type, affiliate_type]
