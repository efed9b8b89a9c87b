"""The fields of sources and their types: those that read them, those that change them, and what they show."""

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
_MATCHES: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": lambda name, part: name.startswith(part),
    "endsWith": lambda name, part: name.endswith(part),
    "contains": lambda name, part: part in name,
    "exact": lambda name, part: name == part,
}


def load_source(context: Context, given: Any) -> Any:
    """The source with the id that was given, null where there is none."""
    number = parse_number(str(given))
    return None if number is None else context.sources.load(number)


@query.field("source")
async def one(_: object, info: Info, id: str) -> Source:
    """The source with this id."""
    return await sources.get(info.context.house, info.context.principal, refs.number(id))


@query.field("sources")
async def many(_: object, info: Info, **given: Any) -> paging.Page:
    """A page of the sources, the newest first where no order is asked for."""
    context = info.context
    paging.bounds(given.get("offset"), given.get("limit"), paging.SOURCES)
    # Who may edit a source, owns it; nobody else shares one for more than reading.
    own_only = given.get("permission") in ("editor", "owner") or given.get("includePublic") is False
    found: Iterable[Source] = await sources.all_of(context.house, context.principal, include_public=not own_only)
    if given.get("hasContentTemplates") or given.get("correlationSchemaId") is not None:
        found = ()  # none has any
    if given.get("id") is not None:
        found = [each for each in found if str(each.id) == given["id"]]
    types = [*filter(None, (given.get("sourceTypeId"), *(given.get("sourceTypeIds") or ())))]
    if types:
        found = [each for each in found if str(each.source_type_id) in types]
    if given.get("name") is not None:
        part, match = given["name"].casefold(), _MATCHES[given.get("nameMatch") or "startsWith"]
        found = [each for each in found if match(each.name.casefold(), part)]
    ordered = sorted(found, key=_ORDERS["id"], reverse=True)
    for order in reversed(given.get("orderBy") or ()):
        ordered.sort(key=_ORDERS[order["field"]], reverse=order.get("direction", "desc") != "asc")
    return paging.page(ordered, given.get("offset"), given.get("limit"), paging.SOURCES)


@query.field("sourceType")
async def one_type(_: object, info: Info, id: str) -> SourceType:
    """The kind of source with this id."""
    found = await info.context.source_type(refs.number(id).number)
    if found is None:
        raise NotFound("SourceType", id)
    return found


@query.field("sourceTypes")
async def many_types(_: object, info: Info, **given: Any) -> paging.Page:
    """A page of the kinds of source."""
    found = list((await sources.types(info.context.house, info.context.principal)).values())
    if given.get("id") is not None or given.get("ids") is not None:
        ids = {given.get("id"), *(given.get("ids") or ())}
        found = [each for each in found if str(each.id) in ids]
    if given.get("categoryId") is not None:
        found = []  # they are in no category
    if given.get("isLive") is not None:
        found = [each for each in found if each.is_live == given["isLive"]]
    return paging.page(found, given.get("offset"), given.get("limit"), paging.SOURCES)


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
    """The source is changed where something is given."""
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


def _document(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("details", "thumbnailUrl") if given.get(name) is not None}


# -- what they show -----------------------------------------------------------------------------------------


@source_type.field("sourceType")
def type_of(source: Source, info: Info) -> Any:
    """Which kind of source it is."""
    return info.context.source_type(source.source_type_id)


@source_type.field("organization")
async def organization_of(source: Source, info: Info) -> Any:
    """The organization, when it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if organization.id == source.organization_id else None


@source_type.field("permission")
def permission_of(source: Source, info: Info) -> str:
    """What the caller may do with it."""
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
