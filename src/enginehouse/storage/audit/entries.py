"""The audit in storage: each row is written in the transaction of its change, and never changed."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from enginehouse.domain.audit import AuditFilter, Entry, RecordedEntry
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape

NEVER: Final = 9_223_372_036_854_775_807


class EntryRow(NamedTuple):
    """A stored act. Its digest in a seal covers the columns in this order."""

    id: int
    at: int
    organization_id: int
    user_id: str | None
    user_name: str | None
    token_id: str | None
    client_ip: str | None
    user_agent: str | None
    event: str
    object_type: str | None
    object_id: str | None
    success: int
    correlation_id: str | None
    detail: str | None


_ORDERED: Final = Select("audit.ordered", EntryRow)
_FILTERS: Final = (
    "user_name", "client_ip", "user_agent", "event", "object_type", "object_id", "correlation_id", "success",
)  # fmt: skip


async def record(tx: Tx, entries: Sequence[Entry]) -> None:
    """Records the acts together with the other changes of this transaction; in one statement."""
    if entries:
        now = tx.now
        rows = [
            (
                now, e.organization_id, e.user_id, e.user_name, e.token_id, e.client_ip, e.user_agent, e.event,
                e.object_type, e.object_id, int(e.success), e.correlation_id, e.detail,
            )
            for e in entries
        ]  # fmt: skip
        await tx.many("audit.insert", rows)


async def page(tx: Tx, organization_ids: Sequence[int], criteria: AuditFilter) -> list[RecordedEntry]:
    """Returns one page of these organizations' entries, in the order of `criteria`.

    It is empty if `before` is not an entry of these organizations.
    """
    filters: dict[str, Any] = {
        "first": 0 if criteria.first is None else criteria.first,
        "last": NEVER if criteria.last is None else criteria.last,
        "any_id": int(criteria.ids is None),
        "ids": criteria.ids or (),
        "user_name": criteria.user_name,
        "client_ip": criteria.client_ip,
        "user_agent": criteria.user_agent,
        "event": criteria.event,
        "object_type": criteria.object_type,
        "object_id": criteria.object_id,
        "correlation_id": criteria.correlation_id,
        "success": None if criteria.success is None else int(criteria.success),
    }
    if criteria.order_by == "at":
        return await _in_time(tx, organization_ids, criteria, filters)
    rows = await _ORDERED.all(
        tx,
        **filters,
        organization_ids=organization_ids,
        by=criteria.order_by,
        descending=int(criteria.descending),
        limit=criteria.limit,
        offset=criteria.offset,
    )
    return [_recorded(row) for row in rows]


async def _in_time(
    tx: Tx, organization_ids: Sequence[int], criteria: AuditFilter, filters: dict[str, Any]
) -> list[RecordedEntry]:
    """Reads the page of each organization directly from the index, and merges the pages."""
    params = {name: filters[name] for name in ("first", "last")}
    parts = {"newest" if criteria.descending else "oldest"}
    for name in _FILTERS:
        if filters[name] is not None:
            parts.add(name)
            params[name] = filters[name]
    if criteria.ids is not None:
        parts.add("of_ids")
        params["ids"] = criteria.ids
    if criteria.before is not None and criteria.descending:
        before = await tx.all("audit.moment", id=criteria.before, organization_ids=organization_ids)
        if not before:
            return []
        [(at,)] = before
        if at <= params["last"]:
            parts.add("before")
            params |= {"last": at, "before_id": criteria.before}
    statement = shape("audit.in_time", parts)
    one = len(organization_ids) == 1
    rows = list[EntryRow]()
    for organization_id in organization_ids:
        found = await tx.all(
            statement,
            **params,
            organization_id=organization_id,
            limit=criteria.limit if one else criteria.limit + criteria.offset,
            offset=criteria.offset if one else 0,
        )
        rows += map(EntryRow._make, found)
    if not one:
        rows.sort(key=lambda row: (row.at, row.id), reverse=criteria.descending)
        rows = rows[criteria.offset : criteria.offset + criteria.limit]
    return [_recorded(row) for row in rows]


def _recorded(row: EntryRow) -> RecordedEntry:
    return RecordedEntry(**row._asdict() | {"success": bool(row.success)})
