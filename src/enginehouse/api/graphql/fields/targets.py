"""The queries and mutations of targets, and the fields of a TemporalDataObject."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging
from enginehouse.api.graphql.fields.assets import new_asset, part
from enginehouse.api.graphql.fields.job_filter import in_dates
from enginehouse.api.graphql.fields.sources import load_source
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import target_echo, target_request
from enginehouse.api.spelling import optional
from enginehouse.domain.artifact import Asset, AssetFilter, AssetOrder, Target, TargetFilter, TargetOrder
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import parse_number, parse_schedule, parse_task, task_graphql
from enginehouse.domain.job import Job, JobFilter, TargetRequest, Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.operations import accounts, assets, engines, targets
from enginehouse.operations.assets import NOBODY

query, mutation = QueryType(), MutationType()
target_type, source_data_type = ObjectType("TemporalDataObject"), ObjectType("TDOSourceData")
run_type = ObjectType("EngineRun")

_COLUMNS: Final[dict[str, TargetOrder]] = {
    "createdDateTime": "created_at",
    "modifiedDateTime": "modified_at",
    "startDateTime": "start_at",
    "stopDateTime": "stop_at",
}
_FIRST_MOMENT: Final = -(1 << 62)
# The fields that updateTDO changes: those that null clears, those that null leaves, those that are only shown again.
_CLEARABLE: Final = {"name": "name", "description": "description", "details": "details"}
_CHANGEABLE: Final = {
    "startDateTime": "start_at",
    "stopDateTime": "stop_at",
    "status": "status",
    "isPublic": "is_public",
}
_SHOWN: Final = ("source", "contentTemplates", "thumbnailUrl", "previewUrl", "sourceImageUrl")
_ORDERS: Final[dict[str, AssetOrder]] = {
    "createdDateTime": "created_at",
    "assetType": "asset_type",
    "contentType": "content_type",
}


@query.field("temporalDataObject")
async def get_target(_: object, info: Info, id: str) -> Target:
    """Returns the target with this id."""
    context = info.context
    return await targets.get(context.house, context.principal, refs.number(id))


@query.field("temporalDataObjects")
async def list_targets(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's targets; nothing for mentions and sample media, which are not kept here."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.TARGETS)
    owner = await accounts.acting(context.house, context.principal, args.get("organizationId"), "organizationId")
    application = args.get("applicationId")
    if application is not None and application != (await context.me())[1].application_id:
        return paging.Page((), offset, limit)
    if args.get("mentionId") is not None or args.get("sampleMedia"):
        return paging.Page((), offset, limit)
    criteria = TargetFilter(
        id=_number(args.get("id"), parse_number),
        source_id=_number(args.get("sourceId"), parse_number),
        scheduled_job_id=_number(args.get("scheduledJobId"), parse_schedule),
        within=_ranges(args.get("dateTimeFilter") or ()),
        include_public=bool(args.get("includePublic")),
        order_by=_COLUMNS[args.get("orderBy") or "startDateTime"],
        descending=args.get("orderDirection") != "asc",
        offset=offset,
        limit=limit,
    )
    page = await targets.list_(context.house, owner, criteria)
    for target in page:
        context.targets.prime(target.id, target)
    return paging.Page(page, offset, limit)


def _number(text: str | None, parse: Callable[[str], int | None]) -> int | None:
    """Returns the number, 0 for a text that is none. Nothing has the number 0."""
    if text is None:
        return None
    number = parse(text) or 0
    return number if 0 < number < 1 << 63 else 0


def _ranges(filters: Iterable[dict[str, Any]]) -> tuple[tuple[TargetOrder, int, int], ...]:
    """Returns the narrowest range of each column. An upper bound covers the unit in which it is written."""
    ranges: dict[TargetOrder, tuple[int, int]] = {}
    for one in filters:
        column = _COLUMNS[one["field"]]
        first, last = ranges.get(column, (_FIRST_MOMENT, LAST_MOMENT))
        start: Moment | None = one.get("fromDateTime")
        stop: Moment | None = one.get("toDateTime")
        if start is not None:
            first = max(first, start.last + 1 if one.get("fromDateTimeExclusive") else int(start))
        if stop is not None:
            last = min(last, int(stop) - 1 if one.get("toDateTimeExclusive") else stop.last)
        ranges[column] = (first, last)
    return tuple((column, *ends) for column, ends in sorted(ranges.items()))


@mutation.field("updateTDO")
async def update(_: object, info: Info, input: dict[str, Any] | None = None) -> Target:
    """The target has the given values; others stay."""
    fields = _required(input)
    changes = {name: fields[key] for key, name in _CLEARABLE.items() if key in fields}
    changes |= {name: fields[key] for key, name in _CHANGEABLE.items() if fields.get(key) is not None}
    changes["echo"] = {name: fields[name] for name in _SHOWN if name in fields}
    primary = [(one["id"], one["assetType"]) for one in fields.get("primaryAsset") or ()]
    context = info.context
    target = await targets.update(context.house, context.principal, refs.number(fields["id"]), changes, primary)
    context.targets.forget()
    context.primary_assets.forget()
    context.asset_pages.forget()
    return target


@mutation.field("cleanupTDO")
async def clean_up(_: object, info: Info, id: str, options: list[str] | None = None) -> dict[str, Any]:
    """The chosen assets of the target are gone, with their bytes. There is no search index to clean up."""
    chosen = ["storage", "searchIndex"] if options is None else list(dict.fromkeys(options))
    await targets.clean_up(
        info.context.house,
        info.context.principal,
        refs.number(id),
        storage_="storage" in chosen,
        results="engineResults" in chosen,
    )
    return {"id": id, "message": f"Data deleted from {id}:  {','.join(chosen)}"}


@mutation.field("createTDO")
async def create(_: object, info: Info, input: dict[str, Any] | None = None) -> Target:
    """The target exists, with the assets of the request, which have URIs."""
    return await make(info.context, _required(input), "")


@mutation.field("deleteTDO")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The target is gone, with its assets and their bytes."""
    await targets.delete(info.context.house, info.context.principal, refs.number(id))
    info.context.targets.forget()
    return {"id": id, "message": f"TemporalDataObject {id} was deleted."}


async def make(context: Context, fields: dict[str, Any], prefix: str) -> Target:
    """The target exists with its assets. If one of them is wrong, nothing is created. `prefix` is put before paths."""
    new_assets = [new_asset(asset, NOBODY, None, origin=context.origin) for asset in fields.get("assets") or ()]
    problems = targets.problems(target_request(fields), prefix)
    for number, asset in enumerate(new_assets):
        at = f"{prefix}assets[{number}]"
        problems += [replace(p, path=f"{at}.{p.path}" if p.path else at) for p in assets.problems(asset)]
    if problems:
        raise InvalidInput(problems)
    target = await targets.create(context.house, context.principal, target_request(fields))
    for asset in new_assets:
        await targets.create_asset(context.house, context.principal, replace(asset, target=Ref.of(target.id)))
    return target


@mutation.field("createTDOWithAsset")
async def create_with_asset(
    _: object,
    info: Info,
    input: dict[str, Any] | None = None,
) -> Target:
    """The target and its first asset exist, or neither does."""
    context = info.context
    fields = _required(input)
    upload = None if fields.get("uri") else context.take_upload(fields.get("file"))
    # `details` belong to the target here. The asset has none.
    described = {**fields, "details": None, "description": None}
    new_target = TargetRequest(
        name=fields.get("name"),
        status=fields.get("status") or "recorded",
        start_at=fields.get("startDateTime"),
        stop_at=fields.get("stopDateTime"),
        details=fields.get("details"),
        is_public=bool(fields.get("isPublic")),
        echo=_with_origin(target_echo(fields), fields),
    )
    return await targets.create_with_asset(
        context.house, context.principal, new_target, new_asset(described, NOBODY, upload, origin=context.origin)
    )


def _with_origin(echo: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields with the source and the scheduled job in `sourceData`, where the target shows them."""
    origin = {name: fields[name] for name in ("sourceId", "scheduledJobId") if fields.get(name)}
    return {**echo, "sourceData": {**(echo.get("sourceData") or {}), **origin}} if origin else echo


def _required(fields: dict[str, Any] | None) -> dict[str, Any]:
    if fields is None:
        raise InvalidInput("required.", "input")
    return fields


# -- the fields of a TemporalDataObject ---------------------------------------------------------------------


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
    tasks = [task for job in jobs for task in job.tasks]
    if args.get("id") is not None:
        tasks = [task for task in tasks if task_graphql(task.job_id, task.ordinal) == args["id"]]
    tasks = in_dates(tasks, args.get("dateTimeFilter"))
    return paging.page(tasks, args.get("offset"), args.get("limit"), paging.TASKS)


@target_type.field("engineRuns")
async def runs_of(target: Target, info: Info, offset: int | None = 0, limit: int | None = 100) -> paging.Page:
    """Returns a page of the runs: one for each task of the target's jobs, the newest job first."""
    first, size = paging.bounds(offset, 100 if limit is None else limit, paging.TASKS)
    jobs = await _jobs(target, info.context, info.context.house.limits.page_size)
    tasks = [task for job in jobs for task in job.tasks]
    return paging.page(tasks, first, size, paging.TASKS)


@run_type.field("engine")
def engine_of_run(task: Task, info: Info) -> Engine | None:
    """Returns the engine, null if the caller may not see it."""
    context = info.context
    return engines.find(context.house, context.principal, task.plan.engine_id)


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
    return None if task is None else engines.find(info.context.house, info.context.principal, task.plan.engine_id)


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

BINDABLES: Final = [query, mutation, target_type, source_data_type, run_type]
