"""`createAsset`, and the fields of an Asset."""

import asyncio
from pathlib import PurePath
from typing import Any, Final

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.http.upload import Upload
from enginehouse.api.input import refs
from enginehouse.domain.artifact import Asset
from enginehouse.domain.documents import DocumentError, is_json, read_document
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import UnreadableDocument
from enginehouse.domain.ids import parse_task, task_graphql
from enginehouse.domain.refs import Ref
from enginehouse.domain.signatures import Purpose
from enginehouse.operations import engines, target_assets, targets
from enginehouse.operations.assets import AssetRequest

query, mutation, asset_type, source_type = (
    QueryType(),
    MutationType(),
    ObjectType("Asset"),
    ObjectType("AssetSourceData"),
)

_SHOWN_BYTES: Final = 10_000_000  # the largest content of an asset that is shown as text or JSON


@mutation.field("createAsset")
async def create_asset(_: object, info: Info, input: dict[str, Any]) -> Asset:
    """The target has the asset, and its bytes are durable."""
    context = info.context
    house, principal = context.house, context.principal
    upload = None if input.get("uri") else context.take_upload(input.get("file"))
    new = new_asset(input, refs.number(input["containerId"]), upload, origin=context.origin)
    if new.uri is None and new.source is None:
        await targets.get(
            house, principal, new.target, path="containerId"
        )  # an unknown container is reported before the missing file
    return await target_assets.create_asset(house, principal, new)


@query.field("asset")
async def get_asset(_: object, info: Info, id: str) -> Asset:
    """Returns the asset with this id."""
    return await target_assets.asset(info.context.house, info.context.principal, id)


@mutation.field("updateAsset")
async def update_asset(_: object, info: Info, input: dict[str, Any]) -> Asset:
    """The asset has the given values; others and the bytes stay."""
    changes: dict[str, Any] = {name: input[name] for name in ("name", "description", "details") if name in input}
    source = input.get("sourceData") or {}
    if source.get("taskId"):
        task = parse_task(source["taskId"])
        changes |= {"job_id": task[0] if task else None, "ordinal": task[1] if task else None}
    if source.get("engineId"):
        changes["engine_id"] = source["engineId"]
    changes["echo"] = _echo(input)
    context = info.context
    changed = await target_assets.update_asset(context.house, context.principal, input["id"], changes)
    context.asset_pages.forget()
    context.primary_assets.forget()
    return changed


def _echo(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns what a client says of an asset that is only shown again."""
    file_data, source = fields.get("fileData") or {}, fields.get("sourceData") or {}
    said = {name: file_data.get(name) for name in ("originalFileUri", "mediaDurationMs")}
    said |= {"sourceName": source.get("name"), "sourceId": source.get("sourceId")}
    said["isUserEdited"] = fields.get("isUserEdited") or None
    return {name: value for name, value in said.items() if value is not None}


@mutation.field("deleteAsset")
async def delete_asset(_: object, info: Info, id: str) -> dict[str, Any]:
    """The asset is gone, and its bytes unless an output of a job shares them."""
    await target_assets.delete_asset(info.context.house, info.context.principal, id)
    return {"id": id, "message": f"Asset {id} was deleted."}


def new_asset(fields: dict[str, Any], target: Ref, upload: Upload | None, *, origin: str) -> AssetRequest:
    """Returns the asset to create. `upload` is the request's file if this field stores it.

    `origin` is the address of this server, which a URI may name.
    """
    source_data, file_data = fields.get("sourceData") or {}, fields.get("fileData") or {}
    task = parse_task(source_data["taskId"]) if source_data.get("taskId") else None
    content: bytes | None = None
    if fields.get("jsondata") is not None and upload is None and not fields.get("uri"):
        content = msgspec.json.encode(fields["jsondata"])
    sent_type = (upload.content_type if upload else None) or ("application/json" if content else None)
    return AssetRequest(
        target=target,
        asset_type=fields.get("assetType") or fields.get("type") or "media",
        content_type=fields.get("contentType") or sent_type or "application/octet-stream",
        name=fields.get("name") or (file_name(upload) if upload else None),
        description=fields.get("description"),
        uri=(fields.get("uri") or "").strip() or None,
        origin=origin,
        source=upload.path if upload else content,
        md5=fields.get("md5sum") or file_data.get("md5sum"),
        set_as_primary=bool(fields.get("setAsPrimary")),
        details=fields.get("details"),
        job_id=task[0] if task else None,
        ordinal=task[1] if task else None,
        engine_id=source_data.get("engineId"),
        echo=_echo(fields),
    )


def file_name(upload: Upload) -> str | None:
    """Returns the file name that the client sent, without folders."""
    return PurePath((upload.name or "").replace("\\", "/")).name or None


def part(details: Any, path: str | None) -> Any:
    """Returns the value at the path, like `a.b[0]`, None if the path leads to nothing."""
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


# -- the fields of an Asset ---------------------------------------------------------------------------------


@asset_type.field("container")
def container_of(asset: Asset, info: Info) -> Any:
    """Returns the target of the asset."""
    return info.context.targets.load(asset.target_id)


@asset_type.field("details")
def asset_details_of(asset: Asset, _: Info, path: str | None = None) -> Any:
    """Returns the details, or the part of them at `path`."""
    return part(asset.details, path)


@asset_type.field("jsondata")
async def json_of(asset: Asset, info: Info) -> Any:
    """Returns the content if it says that it is JSON, and has at most 10 MB."""
    return await _content(asset, info.context)


@asset_type.field("jsonstring")
async def json_text_of(asset: Asset, info: Info, indent: int | None = 2) -> str | None:
    """Returns the content as indented text if it says that it is JSON, and has at most 10 MB."""
    content = await _content(asset, info.context)
    if content is None:
        return None
    spaces = max(0, min(16, 2 if indent is None else indent))
    return msgspec.json.format(msgspec.json.encode(content), indent=spaces).decode()


async def _content(asset: Asset, context: Context) -> Any:
    if asset.key is None or (asset.size or 0) > _SHOWN_BYTES or not is_json(asset.content_type):
        return None
    raw = await target_assets.read(context.house, asset)
    try:
        return await asyncio.to_thread(read_document, raw)
    except DocumentError as fault:
        raise UnreadableDocument(f'Asset "{asset.id}" is {fault}') from None


@asset_type.field("sourceData")
def source_of(asset: Asset, _: Info) -> dict[str, Any] | None:
    """Returns the task or engine that created the asset, null if a person did."""
    name, source_id = asset.echo.get("sourceName"), asset.echo.get("sourceId")
    if asset.job_id is None and asset.engine_id is None and name is None and source_id is None:
        return None
    task = None if asset.job_id is None else (asset.job_id, asset.ordinal or 0)
    return {"task": task, "engineId": asset.engine_id, "name": name, "sourceId": source_id}


@source_type.field("taskId")
def source_task_id(source: dict[str, Any], _: Info) -> str | None:
    """Returns the id of the task that created the asset."""
    return None if source["task"] is None else task_graphql(*source["task"])


@source_type.field("task")
async def source_task(source: dict[str, Any], info: Info) -> Any:
    """Returns the task that created the asset, null if it is gone."""
    if source["task"] is None:
        return None
    job_id, ordinal = source["task"]
    job = await info.context.jobs.get(job_id)
    return None if job is None else job.tasks[ordinal]


@source_type.field("engine")
def source_engine(source: dict[str, Any], info: Info) -> Engine | None:
    """Returns the engine that created the asset."""
    context = info.context
    return None if source["engineId"] is None else engines.shown(context.house, context.principal, source["engineId"])


asset_type.set_field("containerId", lambda asset, _: asset.target_id)
asset_type.set_field("assetType", lambda asset, _: asset.asset_type)
asset_type.set_field("type", lambda asset, _: asset.asset_type)
asset_type.set_field("contentType", lambda asset, _: asset.content_type)
asset_type.set_field("createdDateTime", lambda asset, _: asset.created_at)
asset_type.set_field("modifiedDateTime", lambda asset, _: asset.modified_at)


@asset_type.field("uri")
def uri_of(asset: Asset, info: Info) -> str | None:
    """Returns the URL of the content: the reference, or a URL of this server, which needs a token."""
    return asset.uri or f"{info.context.origin}/api/v1/asset/{asset.id}/content"


@asset_type.field("signedUri")
async def signed_uri_of(asset: Asset, info: Info) -> str | None:
    """Returns the reference, or a URL of this server, which needs no token and expires."""
    return asset.uri or await info.context.signed(Purpose.GET_ASSET, asset.id)


asset_type.set_field("assetSize", lambda asset, _: asset.size)
asset_type.set_field("isUserEdited", lambda asset, _: bool(asset.echo.get("isUserEdited")))


@asset_type.field("transform")
async def transformed(asset: Asset, info: Info, **args: Any) -> str | None:
    """Returns the content as JSON text with `JSON`. The other functions are not there, so they answer null."""
    content = await _content(asset, info.context) if args["transformFunction"] == "JSON" else None
    return None if content is None else msgspec.json.encode(content).decode()


@asset_type.field("fileData")
def file_of(asset: Asset, _: Info) -> dict[str, Any]:
    """Returns what is known of the file: `size` only if it fits in 32 bits, see `assetSize`."""
    return {
        "md5sum": asset.md5,
        "size": asset.size if (asset.size or 0) < 1 << 31 else None,
        "originalFileUri": asset.echo.get("originalFileUri"),
        "mediaDurationMs": asset.echo.get("mediaDurationMs"),
    }


BINDABLES: Final = [query, mutation, asset_type, source_type]
