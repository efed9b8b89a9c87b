"""The fields of targets and assets: those that read them, those that make them, and what they show."""

from pathlib import PurePath
from typing import Any, Final

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql import paging
from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.creating import target_echo, target_request
from enginehouse.api.graphql.upload import Upload
from enginehouse.domain.artifact import Asset, Target
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import parse_task, task_graphql
from enginehouse.domain.job import JobFilter, Task
from enginehouse.operations import engines, jobs, targets

query, mutation = QueryType(), MutationType()
target_type, asset_type, source_type = (
    ObjectType("TemporalDataObject"),
    ObjectType("Asset"),
    ObjectType("AssetSourceData"),
)

_SHOWN_BYTES: Final = 10_000_000  # of an asset's content that is shown as text or JSON
_ORDERS: Final[dict[str, targets.AssetOrder]] = {
    "createdDateTime": "created_at",
    "assetType": "asset_type",
    "contentType": "content_type",
}


@query.field("temporalDataObject")
async def one(_: object, info: Info, id: str) -> Target:  # noqa: A002 - the contract's argument name
    """The target with this id."""
    context = info.context
    return await targets.get(context.house, context.principal, id)


@mutation.field("createTDO")
async def create(_: object, info: Info, input: dict[str, Any] | None = None) -> Target:  # noqa: A002
    """The target exists, with the assets named by their addresses."""
    context = info.context
    given = _required(input)
    target = await targets.create(context.house, context.principal, target_request(given))
    for asset in given.get("assets") or ():
        await targets.create_asset(context.house, context.principal, _new_asset(asset, target.id, None))
    return target


@mutation.field("createTDOWithAsset")
async def create_with_asset(
    _: object,
    info: Info,
    input: dict[str, Any] | None = None,  # noqa: A002 - the contract's argument name
) -> Target:
    """The target exists together with its first asset, or neither does."""
    context = info.context
    given = _required(input)
    upload = None if given.get("uri") else context.take_upload(given.get("file"))
    # `details` are the target's here; the asset has none of its own.
    described = {**given, "details": None, "description": None}
    new_target = targets.NewTarget(
        name=given.get("name"),
        status=given.get("status") or "recorded",
        start_at=given.get("startDateTime"),
        stop_at=given.get("stopDateTime"),
        details=given.get("details"),
        is_public=bool(given.get("isPublic")),
        echo=target_echo(given),
    )
    return await targets.create_with_asset(
        context.house, context.principal, new_target, _new_asset(described, 0, upload)
    )


@mutation.field("createAsset")
async def create_asset(_: object, info: Info, input: dict[str, Any]) -> Asset:  # noqa: A002
    """The target has the asset, whose bytes are durable."""
    context = info.context
    house, principal = context.house, context.principal
    upload = None if input.get("uri") else context.take_upload(input.get("file"))
    new = _new_asset(input, input["containerId"], upload)
    if new.uri is None and new.source is None:
        await targets.get(house, principal, new.target_id)  # an unknown container is named before the missing file
    return await targets.create_asset(house, principal, new)


def _required(given: dict[str, Any] | None) -> dict[str, Any]:
    if given is None:
        raise InvalidInput("required.", "input")
    return given


def _new_asset(given: dict[str, Any], target_id: int | str, upload: Upload | None) -> targets.NewAsset:
    source_data, file_data = given.get("sourceData") or {}, given.get("fileData") or {}
    task = parse_task(source_data["taskId"]) if source_data.get("taskId") else None
    content: bytes | None = None
    if given.get("jsondata") is not None and upload is None and not given.get("uri"):
        content = msgspec.json.encode(given["jsondata"])
    sent_type = (upload.content_type if upload else None) or ("application/json" if content else None)
    return targets.NewAsset(
        target_id=target_id,
        asset_type=given.get("assetType") or given.get("type") or "media",
        content_type=given.get("contentType") or sent_type or "application/octet-stream",
        name=given.get("name") or (_file_name(upload) if upload else None),
        description=given.get("description"),
        uri=given.get("uri"),
        source=upload.path if upload else content,
        md5=given.get("md5sum") or file_data.get("md5sum"),
        set_as_primary=bool(given.get("setAsPrimary")),
        details=given.get("details"),
        job_id=task[0] if task else None,
        ordinal=task[1] if task else None,
        engine_id=source_data.get("engineId"),
    )


def _file_name(upload: Upload) -> str | None:
    """The name the client gave, without any folder in front of it."""
    return PurePath((upload.name or "").replace("\\", "/")).name or None


# -- what a TemporalDataObject shows ------------------------------------------------------------------------


@target_type.field("details")
def details_of(target: Target, _: Info, path: str | None = None) -> Any:
    """The details, or the part of them at `path`."""
    return _part(target.details, path)


@target_type.field("assets")
async def assets_of(target: Target, info: Info, **given: Any) -> paging.Page:
    """A page of the target's assets."""
    context = info.context
    offset, limit = paging.bounds(given.get("offset"), given.get("limit"), paging.ASSETS)
    if given.get("id") is not None or given.get("sourceTaskId") is not None:
        return await _chosen_assets(context, target, given, offset, limit)
    found = await targets.assets(
        context.house,
        context.principal,
        target.id,
        tuple({*(given.get("type") or ()), *(given.get("assetType") or ())}),
        offset=offset,
        limit=limit,
        order_by=_ORDERS[given.get("orderBy") or "createdDateTime"],
        descending=given.get("orderDirection") != "asc",
    )
    return paging.Page(found, offset, limit)


async def _chosen_assets(
    context: Context, target: Target, given: dict[str, Any], offset: int, limit: int
) -> paging.Page:
    found = await targets.assets(context.house, context.principal, target.id, limit=context.house.limits.page_size)
    if given.get("id") is not None:
        found = [asset for asset in found if asset.id == given["id"]]
    if given.get("sourceTaskId") is not None:
        task = parse_task(given["sourceTaskId"])
        found = [asset for asset in found if task is not None and (asset.job_id, asset.ordinal) == task]
    return paging.page(found, offset, limit, paging.ASSETS)


@target_type.field("assetCount")
async def asset_count_of(target: Target, info: Info) -> int:
    """How many assets the target has."""
    return await info.context.asset_counts.get(target.id) or 0


@target_type.field("primaryAsset")
async def primary_asset_of(target: Target, info: Info, assetType: str) -> Asset | None:  # noqa: N803
    """The primary asset of that type."""
    context = info.context
    return await targets.primary_asset(context.house, context.principal, target.id, assetType)


@target_type.field("jobs")
async def jobs_of(target: Target, info: Info) -> paging.Page:
    """The newest jobs about the target."""
    context = info.context
    found = await jobs.list_(context.house, context.principal, JobFilter(target_id=target.id))
    return paging.Page(found.jobs, 0, 30)


@target_type.field("tasks")
async def tasks_of(target: Target, info: Info, **given: Any) -> paging.Page:
    """A page of the tasks of the jobs about the target."""
    context = info.context
    wanted = JobFilter(target_id=target.id, limit=context.house.limits.page_size)
    found: list[Task] = []
    for job in (await jobs.list_(context.house, context.principal, wanted)).jobs:
        context.jobs.prime(job.id, job)
        found += job.tasks
    if given.get("id") is not None:
        found = [task for task in found if task_graphql(task.job_id, task.ordinal) == given["id"]]
    return paging.page(found, given.get("offset"), given.get("limit"), paging.TASKS)


@target_type.field("applicationId")
async def application_of(_: Target, info: Info) -> str:
    """The application id of the caller's organization."""
    _user, organization = await info.context.me()
    return organization.application_id


@target_type.field("organization")
async def organization_of(target: Target, info: Info) -> Any:
    """The organization, when it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if organization.id == target.organization_id else None


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


# -- what an Asset shows ------------------------------------------------------------------------------------


@asset_type.field("container")
def container_of(asset: Asset, info: Info) -> Any:
    """The target the asset is of."""
    return info.context.targets.load(asset.target_id)


@asset_type.field("details")
def asset_details_of(asset: Asset, _: Info, path: str | None = None) -> Any:
    """The details, or the part of them at `path`."""
    return _part(asset.details, path)


@asset_type.field("jsondata")
async def json_of(asset: Asset, info: Info) -> Any:
    """The content, where it is JSON of at most 10 MB."""
    return await _content(asset, info.context)


@asset_type.field("jsonstring")
async def json_text_of(asset: Asset, info: Info, indent: int | None = 2) -> str | None:
    """The content as indented text, where it is JSON of at most 10 MB."""
    content = await _content(asset, info.context)
    if content is None:
        return None
    spaces = max(0, min(16, 2 if indent is None else indent))
    return msgspec.json.format(msgspec.json.encode(content), indent=spaces).decode()


async def _content(asset: Asset, context: Context) -> Any:
    if asset.key is None or (asset.size or 0) > _SHOWN_BYTES or "json" not in asset.content_type:
        return None
    try:
        return msgspec.json.decode(await context.house.store.read(asset.key))
    except msgspec.DecodeError:
        return None


@asset_type.field("sourceData")
def source_of(asset: Asset, _: Info) -> dict[str, Any] | None:
    """What made the asset; null when a person did."""
    if asset.job_id is None and asset.engine_id is None:
        return None
    task = None if asset.job_id is None else (asset.job_id, asset.ordinal or 0)
    return {"task": task, "engineId": asset.engine_id}


@source_type.field("taskId")
def source_task_id(source: dict[str, Any], _: Info) -> str | None:
    """The task that made the asset."""
    return None if source["task"] is None else task_graphql(*source["task"])


@source_type.field("task")
async def source_task(source: dict[str, Any], info: Info) -> Any:
    """The task that made the asset, null when it is gone."""
    if source["task"] is None:
        return None
    job_id, ordinal = source["task"]
    job = await info.context.jobs.get(job_id)
    return None if job is None else job.tasks[ordinal]


@source_type.field("engine")
def source_engine(source: dict[str, Any], info: Info) -> Engine | None:
    """The engine that made the asset."""
    context = info.context
    return None if source["engineId"] is None else engines.find(context.house, context.principal, source["engineId"])


def _part(details: Any, path: str | None) -> Any:
    """What is found by walking down `a.b[0]`; null where the path ends early."""
    for step in (path or "").replace("[", ".").replace("]", "").split("."):
        if not step:
            continue
        if isinstance(details, dict):
            details = details.get(step)
        elif isinstance(details, list) and step.isdigit() and int(step) < len(details):
            details = details[int(step)]
        else:
            return None
    return details


asset_type.set_field("containerId", lambda asset, _: asset.target_id)
asset_type.set_field("assetType", lambda asset, _: asset.asset_type)
asset_type.set_field("type", lambda asset, _: asset.asset_type)
asset_type.set_field("contentType", lambda asset, _: asset.content_type)
asset_type.set_field("createdDateTime", lambda asset, _: asset.created_at)
asset_type.set_field("modifiedDateTime", lambda asset, _: asset.modified_at)
asset_type.set_field("signedUri", lambda asset, _: asset.uri)
asset_type.set_field("assetSize", lambda asset, _: asset.size)
asset_type.set_field("isUserEdited", lambda _, __: False)
asset_type.set_field("transform", lambda _, __, **___: None)
asset_type.set_field(
    "fileData",
    lambda asset, _: {"md5sum": asset.md5, "size": asset.size if (asset.size or 0) < 1 << 31 else None},
)

BINDABLES: Final = [query, mutation, target_type, asset_type, source_type]
