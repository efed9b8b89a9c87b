"""Shows who did what, over our own REST interface."""

from typing import Annotated, Final

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import Time, answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import times
from enginehouse.domain.audit import NOBODYS, AuditFilter, RecordedEntry, entry_number
from enginehouse.operations import accounts
from enginehouse.operations.audit import queries
from enginehouse.operations.audit.queries import LARGEST_PAGE, rest_id


class EntryView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One change or refusal. Its `auditID` in `before` requests the next page. Only the id of a token is shown."""

    audit_id: str
    date_time: str
    event_type: str
    success: bool = msgspec.field(name="success")
    organization_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    token_id: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    correlation_id: str | None = None
    description: str | None = None


_YES_NO: Final = ("true", "false")
_LIST: Final = {
    "organizationID": str,
    "success": bool,
    "before": str,
    "fromDateTime": Time,
    "toDateTime": Time,
    "userName": str,
    "clientIPAddress": str,
    "clientUserAgent": str,
    "eventType": str,
    "objectType": str,
    "objectID": str,
    "correlationID": str,
    "limit": Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)],
}


@answers(Result[list[EntryView]], query=_LIST)
async def list_entries(call: Call) -> Reply:
    """GET audit: a page of entries, newest first; `before` with the last `auditID` requests the next page."""
    query = Query(call.query)
    owner = query.text("organizationID")
    success = query.word("success", _YES_NO)
    before = query.digits("before")
    criteria = AuditFilter(
        first=query.earliest("fromDateTime"),
        last=query.latest("toDateTime"),
        user_name=query.text("userName"),
        client_ip=query.text("clientIPAddress"),
        user_agent=query.text("clientUserAgent"),
        event=query.text("eventType"),
        object_type=query.text("objectType"),
        object_id=query.text("objectID"),
        correlation_id=query.text("correlationID"),
        success=None if success is None else success == "true",
        before=None if before is None else entry_number(before),
        limit=query.integer("limit", 100, 1, LARGEST_PAGE),
    )
    organization_id = await _organization(call, owner)
    query.finish()
    entries = await queries.list_(call.house, call.principal, criteria, organization_id=organization_id)
    return result([_entry(entry) for entry in entries])


async def _organization(call: Call, text: str | None) -> int | None:
    acting = await accounts.acting(call.house, call.principal, text, "organizationID")
    return acting.organization_id if text else None


def _entry(entry: RecordedEntry) -> EntryView:
    return EntryView(
        audit_id=str(entry.id),
        date_time=times.rest(entry.at),
        event_type=entry.event,
        success=entry.success,
        organization_id=None if entry.organization_id == NOBODYS else str(entry.organization_id),
        user_id=entry.user_id,
        user_name=entry.user_name,
        token_id=entry.token_id,
        object_type=entry.object_type,
        object_id=rest_id(entry),
        client_ip_address=entry.client_ip,
        client_user_agent=entry.user_agent,
        correlation_id=entry.correlation_id,
        description=entry.detail,
    )
