"""The fields of a TemporalDataObject, of its source data and of its engine runs."""

from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.graphql.fields.assets import part
from enginehouse.api.graphql.fields.job_filter import in_dates
from enginehouse.api.graphql.fields.sources import load_source
from enginehouse.api.spelling import optional
from enginehouse.domain.artifact import Asset, AssetFilter, AssetOrder, Target
from enginehouse.domain.engine import Engine
from enginehouse.domain.ids import parse_schedule, parse_task, task_graphql
from enginehouse.domain.job import Job, JobFilter, Task
from enginehouse.operations import engines

target_type, source_data_type = ObjectType("TemporalDataObject"), ObjectType("TDOSourceData")
run_type = ObjectType("EngineRun")

_ORDERS: Final[dict[str, AssetOrder]] = {
    "createdDateTime": "created_at",
    "assetType": "asset_type",
    "contentType": "content_type",
}


@target_type.field("details")
def details_of(target: Target, _: Info, path: str | None = None) -> Any:
    """Returns the details, or the part of them at `path`."""
    return part(target.details, path)


@target_type.field("assets")
async def assets_of(target: Target, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the target's assets."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.ASSETS)
    task_id = args.get("sourceTaskId")
    task = None if task_id is None else parse_task(task_id)
    if task_id is not None and task is None:
        return paging.Page((), offset, limit)
    criteria = AssetFilter(
        types=tuple(sorted({*(args.get("type") or ()), *(args.get("assetType") or ())})),
        id=args.get("id"),
        task=task,
        order_by=_ORDERS[args.get("orderBy") or "createdDateTime"],
        descending=args.get("orderDirection") != "asc",
        offset=offset,
        limit=limit,
    )
    page = await context.asset_pages.get((target.id, criteria))
    return paging.Page(page or (), offset, limit)


@target_type.field("assetCount")
async def asset_count_of(target: Target, info: Info) -> int:
    """Returns the number of the target's assets."""
    return await info.context.asset_counts.get(target.id) or 0


@target_type.field("primaryAsset")
async def primary_asset_of(target: Target, info: Info, **args: Any) -> Asset | None:
    """Returns the primary asset of that type; without one, the newest of the type that an engine has made."""
    return await info.context.primary_assets.get((target.id, args["assetType"]))


@target_type.field("jobs")
async def jobs_of(target: Target, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the target's jobs, the newest first."""
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.JOBS)
    page = await _jobs(target, info.context, limit, offset)
    return paging.Page(page, offset, limit)


async def _jobs(target: Target, context: Context, limit: int, offset: int = 0) -> tuple[Job, ...]:
    page = await context.job_pages.get(JobFilter(target_id=target.id, offset=offset, limit=limit)) or ()
    for job in page:
        context.jobs.prime(job.id, job)
    return page


@target_type.field("tasks")
async def tasks_of(target: Target, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the tasks of the target's jobs."""
    context = info.context
    jobs = await _jobs(target, context, context.house.limits.page_size)
    tasks = [task for job in jobs for task in job.shown]
    if args.get("id") is not None:
        tasks = [task for task in tasks if task_graphql(task.job_id, task.ordinal) == args["id"]]
    tasks = in_dates(tasks, args.get("dateTimeFilter"))
    return paging.page(tasks, args.get("offset"), args.get("limit"), paging.TASKS)


@target_type.field("engineRuns")
async def runs_of(target: Target, info: Info, offset: int | None = 0, limit: int | None = 100) -> paging.Page:
    """Returns a page of the runs: one for each task of the target's jobs, the newest job first."""
    first, size = paging.bounds(offset, 100 if limit is None else limit, paging.TASKS)
    jobs = await _jobs(target, info.context, info.context.house.limits.page_size)
    tasks = [task for job in jobs for task in job.shown]
    return paging.page(tasks, first, size, paging.TASKS)


@run_type.field("engine")
def engine_of_run(task: Task, info: Info) -> Engine | None:
    """Returns the engine, null if the caller may not see it."""
    context = info.context
    return engines.shown(context.house, context.principal, task.plan.engine_id)


run_type.set_field("task", lambda task, _: task)
run_type.set_field("status", lambda task, _: task.status)
run_type.set_field("hasUserEdits", lambda _, __: False)


@target_type.field("applicationId")
async def application_of(_: Target, info: Info) -> str:
    """Returns the application id of the caller's organization."""
    _user, organization = await info.context.me()
    return organization.application_id


@target_type.field("organization")
async def organization_of(target: Target, info: Info) -> Any:
    """Returns the organization if it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if organization.id == target.organization_id else None


@source_data_type.field("source")
def source_of_target(source_data: dict[str, Any], info: Info) -> Any:
    """Returns the source that the target names."""
    return load_source(info.context, source_data.get("sourceId"))


@source_data_type.field("task")
async def task_of_target(source_data: dict[str, Any], info: Info) -> Task | None:
    """Returns the task that the target names, null if it is gone."""
    named = parse_task(str(source_data.get("taskId") or ""))
    job = None if named is None else await info.context.jobs.get(named[0])
    return None if job is None or named is None else job.tasks[named[1]]


@source_data_type.field("engineId")
async def engine_id_of_target(source_data: dict[str, Any], info: Info) -> str | None:
    """Returns the engine of that task."""
    task = await task_of_target(source_data, info)
    return None if task is None else task.plan.engine_id


@source_data_type.field("engine")
async def engine_of_target(source_data: dict[str, Any], info: Info) -> Engine | None:
    """Returns the engine of that task."""
    task = await task_of_target(source_data, info)
    return None if task is None else engines.shown(info.context.house, info.context.principal, task.plan.engine_id)


@source_data_type.field("scheduledJob")
def schedule_of_target(source_data: dict[str, Any], info: Info) -> Any:
    """Returns the scheduled job that the target names."""
    schedule_id = parse_schedule(str(source_data.get("scheduledJobId") or ""))
    return optional(info.context.schedules.load, schedule_id)


def _echoed(name: str) -> Any:
    return lambda target, _: target.echo.get(name)


target_type.set_field("id", lambda target, _: target.id)
target_type.set_field("organizationId", lambda target, _: target.organization_id)
target_type.set_field("createdDateTime", lambda target, _: target.created_at)
target_type.set_field("modifiedDateTime", lambda target, _: target.modified_at)
target_type.set_field("startDateTime", lambda target, _: target.start_at)
target_type.set_field("stopDateTime", lambda target, _: target.stop_at)
target_type.set_field("createdBy", lambda target, _: target.created_by)
target_type.set_field("isPublic", lambda target, _: target.is_public)
target_type.set_field("jsondata", lambda target, _: target.details)
target_type.set_field("streams", lambda _, __: [])
target_type.set_field("folders", lambda _, __: [])
target_type.set_field("metadata", lambda _, __: [])
for _name in ("source", "thumbnailUrl", "previewUrl", "sourceImageUrl", "sourceData"):
    target_type.set_field(_name, _echoed(_name))

BINDABLES: Final = [target_type, source_data_type, run_type]
