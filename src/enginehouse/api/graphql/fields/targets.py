"""The queries and mutations of targets."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging
from enginehouse.api.graphql.fields.assets import new_asset
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import target_echo, target_request
from enginehouse.domain.artifact import Target, TargetFilter, TargetOrder
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import parse_number, parse_schedule
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.operations import accounts, assets, target_assets, targets
from enginehouse.operations.assets import NOBODY

query, mutation = QueryType(), MutationType()

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
        await target_assets.create_asset(context.house, context.principal, replace(asset, target=Ref.of(target.id)))
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
    return await target_assets.create_with_asset(
        context.house,
        context.principal,
        new_target,
        new_asset(described, NOBODY, upload, origin=context.origin),
        stops_with_asset=bool(fields.get("updateStopDateTimeFromAsset")),
    )


def _with_origin(echo: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields with the source and the scheduled job in `sourceData`, where the target shows them."""
    origin = {name: fields[name] for name in ("sourceId", "scheduledJobId") if fields.get(name)}
    return {**echo, "sourceData": {**(echo.get("sourceData") or {}), **origin}} if origin else echo


def _required(fields: dict[str, Any] | None) -> dict[str, Any]:
    if fields is None:
        raise InvalidInput("required.", "input")
    return fields


BINDABLES: Final = [query, mutation]
