"""Who did what: rows that are written in the transaction of the change they tell of, and never changed."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.audit import AuditFilter, Entry, RecordedEntry
from enginehouse.storage.database.database import Row, Tx

NEVER: Final = 9_223_372_036_854_775_807


async def record(tx: Tx, entries: Sequence[Entry]) -> None:
    """The acts are recorded with whatever else this transaction changes; one statement for all of them."""
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
    """One page of these organizations' entries, in the order of `criteria`.

    It is empty where `before` names no entry of theirs.
    """
    filters = {
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
    if criteria.order_by == "at" and criteria.descending:
        return await _newest(tx, organization_ids, criteria, filters)
    rows = await tx.all(
        "audit.ordered",
        **filters,
        organization_ids=organization_ids,
        by=criteria.order_by,
        descending=int(criteria.descending),
        limit=criteria.limit,
        offset=criteria.offset,
    )
    return [_recorded(row) for row in rows]


async def _newest(
    tx: Tx, organization_ids: Sequence[int], criteria: AuditFilter, filters: dict[str, object]
) -> list[RecordedEntry]:
    """Each organization straight from the index; where there are several, their pages are merged."""
    before_at, before_id = NEVER, NEVER
    if criteria.before is not None:
        row = await tx.one("audit.moment", id=criteria.before, organization_ids=organization_ids)
        if row is None:
            return []
        before_at, before_id = row[0], criteria.before
    one = len(organization_ids) == 1
    rows = list[Row]()
    for organization_id in organization_ids:
        rows += await tx.all(
            "audit.newest",
            **filters,
            organization_id=organization_id,
            before_at=before_at,
            before_id=before_id,
            limit=criteria.limit if one else criteria.limit + criteria.offset,
            offset=criteria.offset if one else 0,
        )
    if not one:
        rows.sort(key=lambda row: (row[1], row[0]), reverse=True)
        rows = rows[criteria.offset : criteria.offset + criteria.limit]
    return [_recorded(row) for row in rows]


def _recorded(row: Row) -> RecordedEntry:
    (
        id_, at, organization_id, user_id, user_name, token_id, client_ip, user_agent, event, object_type, object_id,
        success, correlation_id, detail,
    ) = row  # fmt: skip
    return RecordedEntry(
        id=id_,
        at=at,
        organization_id=organization_id,
        user_id=user_id,
        user_name=user_name,
        token_id=token_id,
        client_ip=client_ip,
        user_agent=user_agent,
        event=event,
        object_type=object_type,
        object_id=object_id,
        success=bool(success),
        correlation_id=correlation_id,
        detail=detail,
    )
