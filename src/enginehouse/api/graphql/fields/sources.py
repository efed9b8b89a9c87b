"""The queries and mutations of sources and source types, and their fields."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.errors import NotFound
from enginehouse.domain.ids import parse_number
from enginehouse.domain.sources import Source, SourceType
from enginehouse.operations import sources

query, mutation = QueryType(), MutationType()
source_type, type_type = ObjectType("Source"), ObjectType("SourceType")

_ORDERS: Final[dict[str, Callable[[Source], Any]]] = {
    "id": lambda source: source.id,
    "name": lambda source: (source.name.casefold(), source.id),
    "createdDateTime": lambda source: (source.created_at, source.id),
    "modifiedDateTime": lambda source: (source.modified_at, source.id),
}


def load_source(context: Context, source_id: Any) -> Any:
    """Returns the source with this id, null if there is none."""
    number = parse_number(str(source_id))
    return None if number is None else context.sources.load(number)


@query.field("source")
async def get_source(_: object, info: Info, id: str) -> Source:
    """Returns the source with this id."""
    return await sources.get(info.context.house, info.context.principal, refs.number(id))


@query.field("sources")
async def list_sources(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the sources, newest first by default."""
    context = info.context
    paging.bounds(args.get("offset"), args.get("limit"), paging.SOURCES)
    # Only its owner may edit a source. Others may read a public one.
    own_only = args.get("permission") in ("editor", "owner") or args.get("includePublic") is False
    matches: Iterable[Source] = await sources.all_of(context.house, context.principal, include_public=not own_only)
    if args.get("hasContentTemplates") or args.get("correlationSchemaId") is not None:
        matches = ()  # no source has these
    if args.get("id") is not None:
        matches = [each for each in matches if str(each.id) == args["id"]]
    types = [*filter(None, (args.get("sourceTypeId"), *(args.get("sourceTypeIds") or ())))]
    if types:
        matches = [each for each in matches if str(each.source_type_id) in types]
    if args.get("name") is not None:
        part, match = args["name"].casefold(), paging.MATCHES[args.get("nameMatch") or "startsWith"]
        matches = [each for each in matches if match(each.name.casefold(), part)]
    ordered = sorted(matches, key=_ORDERS["id"], reverse=True)
    for order in reversed(args.get("orderBy") or ()):
        ordered.sort(key=_ORDERS[order["field"]], reverse=order.get("direction", "desc") != "asc")
    return paging.page(ordered, args.get("offset"), args.get("limit"), paging.SOURCES)


@query.field("sourceType")
async def get_source_type(_: object, info: Info, id: str) -> SourceType:
    """Returns the source type with this id."""
    kind = await info.context.source_type(refs.number(id).number)
    if kind is None:
        raise NotFound("SourceType", id)
    return kind


@query.field("sourceTypes")
async def list_source_types(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the source types."""
    matches = list((await sources.types(info.context.house, info.context.principal)).values())
    if args.get("id") is not None or args.get("ids") is not None:
        ids = {args.get("id"), *(args.get("ids") or ())}
        matches = [each for each in matches if str(each.id) in ids]
    if args.get("categoryId") is not None:
        matches = []  # they have no categories
    if args.get("isLive") is not None:
        matches = [each for each in matches if each.is_live == args["isLive"]]
    return paging.page(matches, args.get("offset"), args.get("limit"), paging.SOURCES)


@mutation.field("createSource")
async def create(_: object, info: Info, input: dict[str, Any]) -> Source:
    """The source exists."""
    principal = info.context.principal
    source = Source(
        organization_id=principal.organization_id,
        source_type_id=refs.number(input.get("sourceTypeId") or "").number,
        name=input.get("name") or "",
        is_public=bool(input.get("isPublic")),
        document=_document(input),
        created_by=principal.user_id,
    )
    return await sources.create(info.context.house, principal, source)


@mutation.field("updateSource")
async def update(_: object, info: Info, input: dict[str, Any]) -> Source:
    """The given fields of the source are changed."""
    changes: dict[str, Any] = {"document": _document(input)}
    if input.get("name") is not None:
        changes["name"] = input["name"]
    if input.get("isPublic") is not None:
        changes["is_public"] = input["isPublic"]
    if input.get("sourceTypeId") is not None:
        changes["source_type_id"] = refs.number(input["sourceTypeId"]).number
    return await sources.update(info.context.house, info.context.principal, refs.number(input["id"]), changes)


@mutation.field("deleteSource")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The source is gone."""
    ref = refs.number(id)
    await sources.delete(info.context.house, info.context.principal, ref)
    return {"id": str(ref.number), "message": f"Source {ref.number} was deleted."}


def _document(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in ("details", "thumbnailUrl") if fields.get(name) is not None}


# -- the fields of a Source ---------------------------------------------------------------------------------


@source_type.field("sourceType")
def type_of(source: Source, info: Info) -> Any:
    """Returns the type of the source."""
    return info.context.source_type(source.source_type_id)


@source_type.field("organization")
async def organization_of(source: Source, info: Info) -> Any:
    """Returns the organization if it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if organization.id == source.organization_id else None


@source_type.field("permission")
def permission_of(source: Source, info: Info) -> str:
    """Returns what the caller may do with it."""
    return "owner" if source.organization_id == info.context.principal.organization_id else "viewer"


source_type.set_field("organizationId", lambda source, _: source.organization_id)
source_type.set_field("sourceTypeId", lambda source, _: source.source_type_id)
source_type.set_field("isPublic", lambda source, _: source.is_public)
source_type.set_field("createdDateTime", lambda source, _: source.created_at)
source_type.set_field("modifiedDateTime", lambda source, _: source.modified_at)
source_type.set_field("details", lambda source, _: source.document.get("details"))
source_type.set_field("thumbnailUrl", lambda source, _: source.document.get("thumbnailUrl"))
type_type.set_field("isLive", lambda kind, _: kind.is_live)

BINDABLES: Final = [query, mutation, source_type, type_type]
