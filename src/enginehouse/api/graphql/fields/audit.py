"""`auditLog`: who did what, for administrators (graphql-contract §2.7)."""

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
async def log(_: object, info: Info, **given: Any) -> paging.Page:
    """A page of what was done, newest first where no order is asked for."""
    context = info.context
    limit, offset = given.get("limit"), given.get("offset")
    first: Moment | None = given.get("fromDateTime")
    last: Moment | None = given.get("toDateTime")
    orders = given.get("orderBy") or ()
    if len(orders) > 1:
        raise InvalidInput(f"at most one order, got {len(orders)}.", "orderBy")
    order: dict[str, str] = next(iter(orders), {})
    organization_id = _organization(given.get("organizationId"))
    criteria = AuditFilter(
        first=None if first is None else int(first),
        last=None if last is None else last.last,
        ids=None if given.get("id") is None else tuple(map(entry_number, given["id"])),
        user_name=given.get("userName"),
        client_ip=given.get("clientIpAddress"),
        user_agent=given.get("clientUserAgent"),
        event=given.get("eventType"),
        object_type=given.get("objectType"),
        object_id=given.get("objectId"),
        correlation_id=given.get("correlationId"),
        success=given.get("success"),
        order_by=_ORDERS[order.get("field", "createdDateTime")],
        descending=order.get("direction", "desc") != "asc",
        offset=0 if offset is None else offset,
        limit=100 if limit is None else limit,
    )
    found = await queries.list_(context.house, context.principal, criteria, organization_id=organization_id)
    return paging.Page(found, criteria.offset, criteria.limit)


def _organization(text: str | None) -> int | None:
    """The organization's number. Raises NotFound for what is none's."""
    if text is None:
        return None
    number = parse_number(text)
    if number is None:
        raise NotFound("Organization", text)
    return number


entry_type.set_field("id", lambda act, _: act.id)
entry_type.set_field("organizationId", lambda act, _: None if act.organization_id == NOBODYS else act.organization_id)
entry_type.set_field("userId", lambda act, _: act.user_id)
entry_type.set_field("userName", lambda act, _: act.user_name)
entry_type.set_field("tokenId", lambda act, _: act.token_id)
entry_type.set_field("clientIpAddress", lambda act, _: act.client_ip)
entry_type.set_field("clientUserAgent", lambda act, _: act.user_agent)
entry_type.set_field("eventType", lambda act, _: act.event)
entry_type.set_field("objectType", lambda act, _: act.object_type)
entry_type.set_field("objectId", lambda act, _: graphql_id(act))
entry_type.set_field("correlationId", lambda act, _: act.correlation_id)
entry_type.set_field("description", lambda act, _: act.detail)
entry_type.set_field("createdDateTime", lambda act, _: act.at)

BINDABLES: Final = [query, entry_type]
