"""The queries and mutations of exports, and the fields of an ExportRequest."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.exports import (
    Export,
    ExportFilter,
    ExportOrder,
    ExportStatus,
    FormatOptions,
    FormatRequest,
    OutputRequest,
)
from enginehouse.domain.ids import parse_uuid
from enginehouse.domain.signatures import Purpose
from enginehouse.operations import exports
from enginehouse.operations.exports import ExportWish

query, mutation, export_type = QueryType(), MutationType(), ObjectType("ExportRequest")

_OWN_EVENT: Final = "exportRequest"
_ORDERS: Final[dict[str, ExportOrder]] = {"createdDateTime": "created_at", "modifiedDateTime": "modified_at"}


@query.field("exportRequest")
async def get(_: object, info: Info, id: str, event: str | None = None) -> Export:
    """Returns the export with this id. There are no exports of mentions, so none is found with their event."""
    ref = refs.export(id if event in (None, _OWN_EVENT) else "")
    return await exports.get(info.context.house, info.context.principal, ref)


@query.field("exportRequests")
async def list_(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's exports, the newest first."""
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.EXPORTS)
    wanted = args.get("id")
    known = None if wanted is None else parse_uuid(wanted)
    if (wanted is not None and known is None) or args.get("event") not in (None, _OWN_EVENT):
        return paging.Page([], offset, limit)
    order = (args.get("orderBy") or [{"field": "createdDateTime"}])[0]
    criteria = ExportFilter(
        known, tuple(args.get("status") or ()), _ORDERS[order["field"]], order.get("direction") != "asc", offset, limit
    )
    return paging.Page(await exports.list_(info.context.house, info.context.principal, criteria), offset, limit)


@mutation.field("createExportRequest")
async def create(_: object, info: Info, input: dict[str, Any]) -> Export:
    """The export waits for a server that makes it."""
    wish = ExportWish(
        target_ids=tuple(one["tdoId"] for one in input["tdoData"]),
        outputs=tuple(_output(one) for one in input.get("outputConfigurations") or ()),
        include_media=bool(input.get("includeMedia")),
        include_library_results=bool(input.get("includeLibraryResults")),
    )
    return await exports.create(info.context.house, info.context.principal, wish)


@mutation.field("updateExportRequest")
async def update(_: object, info: Info, input: dict[str, Any]) -> Export:
    """The export has the status that the client says."""
    ref = refs.export(input["id"])
    return await exports.update(info.context.house, info.context.principal, ref, ExportStatus(input["status"]))


def _output(given: dict[str, Any]) -> OutputRequest:
    wanted = tuple(
        FormatRequest(one["extension"], FormatOptions(**(one.get("options") or {})))
        for one in given.get("formats") or ()
    )
    return OutputRequest(given.get("engineId"), given.get("categoryId"), wanted)


@export_type.field("assetUri")
async def asset_uri(export: Export, info: Info) -> str | None:
    """Returns a URL of the zip that needs no token and expires, null before the export is complete."""
    return None if export.storage_key is None else await info.context.signed(Purpose.GET_EXPORT, export.id)


export_type.set_field("organizationId", lambda export, _: str(export.organization_id))
export_type.set_field("requestorId", lambda export, _: export.requestor_id)
export_type.set_field("createdDateTime", lambda export, _: export.created_at)
export_type.set_field("modifiedDateTime", lambda export, _: export.modified_at)
export_type.set_field("expiresDateTime", lambda export, _: None if export.storage_key is None else export.expires_at)
export_type.set_field("progress", lambda export, _: export)
progress_type = ObjectType("ExportProgress")
progress_type.set_field("filesDone", lambda export, _: export.files_done)
progress_type.set_field("bytesDone", lambda export, _: export.bytes_done)

BINDABLES: Final = [query, mutation, export_type, progress_type]
