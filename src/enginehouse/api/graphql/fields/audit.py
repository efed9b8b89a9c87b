"""`auditLog`: shows administrators who did what (graphql-contract §2.7)."""

from typing import Any, Final

from ariadne import ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.graphql.fields import paging
from enginehouse.domain.audit import NOBODYS, AuditFilter, Order, entry_number
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.ids import parse_number
from enginehouse.operations.audit import queries
from enginehouse.operations.audit.queries import graphql_id

query, entry_type = QueryType(), ObjectType("AuditLogEntry")

_ORDERS: Final[dict[str, Order]] = {
    "createdDateTime": "at",
    "eventType": "event",
    "objectType": "object_type",
    "userName": "user_name",
}


@query.field("auditLog")
async def list_entries(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of audit entries, newest first by default."""
    context = info.context
    limit, offset = args.get("limit"), args.get("offset")
    first: Moment | None = args.get("fromDateTime")
    last: Moment | None = args.get("toDateTime")
    orders = args.get("orderBy") or ()
    if len(orders) > 1:
        raise InvalidInput(f"at most one order, got {len(orders)}.", "orderBy")
    order: dict[str, str] = next(iter(orders), {})
    organization_id = _organization(args.get("organizationId"))
    criteria = AuditFilter(
        first=None if first is None else int(first),
        last=None if last is None else last.last,
        ids=None if args.get("id") is None else tuple(map(entry_number, args["id"])),
        user_name=args.get("userName"),
        client_ip=args.get("clientIpAddress"),
        user_agent=args.get("clientUserAgent"),
        event=args.get("eventType"),
        object_type=args.get("objectType"),
        object_id=args.get("objectId"),
        correlation_id=args.get("correlationId"),
        success=args.get("success"),
        order_by=_ORDERS[order.get("field", "createdDateTime")],
        descending=order.get("direction", "desc") != "asc",
        offset=0 if offset is None else offset,
        limit=100 if limit is None else limit,
    )
    entries = await queries.list_(context.house, context.principal, criteria, organization_id=organization_id)
    return paging.Page(entries, criteria.offset, criteria.limit)


def _organization(text: str | None) -> int | None:
    """Returns the organization's number. Raises NotFound if the text is not a number."""
    if text is None:
        return None
    number = parse_number(text)
    if number is None:
        raise NotFound("Organization", text)
    return number


entry_type.set_field("id", lambda entry, _: entry.id)
entry_type.set_field(
    "organizationId", lambda entry, _: None if entry.organization_id == NOBODYS else entry.organization_id
)
entry_type.set_field("userId", lambda entry, _: entry.user_id)
entry_type.set_field("userName", lambda entry, _: entry.user_name)
entry_type.set_field("tokenId", lambda entry, _: entry.token_id)
entry_type.set_field("clientIpAddress", lambda entry, _: entry.client_ip)
entry_type.set_field("clientUserAgent", lambda entry, _: entry.user_agent)
entry_type.set_field("eventType", lambda entry, _: entry.event)
entry_type.set_field("objectType", lambda entry, _: entry.object_type)
entry_type.set_field("objectId", lambda entry, _: graphql_id(entry))
entry_type.set_field("correlationId", lambda entry, _: entry.correlation_id)
entry_type.set_field("description", lambda entry, _: entry.detail)
entry_type.set_field("createdDateTime", lambda entry, _: entry.at)

BINDABLES: Final = [query, entry_type]
