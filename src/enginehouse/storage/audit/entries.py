"""Who did what: rows that are written in the transaction of the change they tell of, and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

NOBODYS: Final = 0  # the organization of an act of which nobody knows whose it was
NEVER: Final = 9_223_372_036_854_775_807

Order = Literal["at", "user_name", "event", "object_type"]


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One act of somebody, to be recorded. It holds no secret: a token is named by its id.

    `object_id` is how the id is stored: a job's is its number in decimal digits, a task's `<job>/<ordinal>`; the
    interfaces spell it as they do everywhere.
    """

    event: str
    organization_id: int = NOBODYS
    user_id: str | None = None
    user_name: str | None = None
    token_id: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    success: bool = True
    correlation_id: str | None = None
    detail: str | None = None

    def about(self, object_id: object, **known: Any) -> "Entry":
        """The same act on the object with this id, and with what else is known in the transaction only."""
        return msgspec.structs.replace(self, object_id=None if object_id is None else str(object_id), **known)


class Recorded(Entry, frozen=True, gc=False, kw_only=True):
    """An act as it is read again: its number, and the moment (µs UTC) of its transaction."""

    id: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which acts to read: of these organizations, from `first` to `last` (µs UTC, both included).

    What is None lets all through. `user_agent` is how it begins; `before` the id at which an earlier page ended.
    """

    organization_ids: tuple[int, ...]
    first: int
    last: int
    ids: tuple[int, ...] | None = None
    user_name: str | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    event: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    correlation_id: str | None = None
    success: bool | None = None
    before: int | None = None
    order_by: Order = "at"
    descending: bool = True
    offset: int = 0
    limit: int = 100


class EntryRow(NamedTuple):
    """An act as it is stored. Its digest in a seal is made of the columns in this order."""

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


_NEWEST: Final = Select("audit.newest", EntryRow)
_ORDERED: Final = Select("audit.ordered", EntryRow)


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


async def page(tx: Tx, wanted: Wanted) -> list[Recorded]:
    """One page in the asked order. Nothing where `before` names no act of these organizations."""
    filters = {
        "first": wanted.first,
        "last": wanted.last,
        "any_id": int(wanted.ids is None),
        "ids": wanted.ids or (),
        "user_name": wanted.user_name,
        "client_ip": wanted.client_ip,
        "user_agent": wanted.user_agent,
        "event": wanted.event,
        "object_type": wanted.object_type,
        "object_id": wanted.object_id,
        "correlation_id": wanted.correlation_id,
        "success": None if wanted.success is None else int(wanted.success),
    }
    if wanted.order_by == "at" and wanted.descending:
        return await _newest(tx, wanted, filters)
    rows = await _ORDERED.all(
        tx,
        **filters,
        organization_ids=wanted.organization_ids,
        by=wanted.order_by,
        descending=int(wanted.descending),
        limit=wanted.limit,
        offset=wanted.offset,
    )
    return [_recorded(row) for row in rows]


async def _newest(tx: Tx, wanted: Wanted, filters: dict[str, object]) -> list[Recorded]:
    """Each organization straight from the index; where there are several, their pages are merged."""
    before_at, before_id = NEVER, NEVER
    if wanted.before is not None:
        moments = [
            at for (at,) in await tx.all("audit.moment", id=wanted.before, organization_ids=wanted.organization_ids)
        ]
        if not moments:
            return []
        before_at, before_id = moments[0], wanted.before
    one = len(wanted.organization_ids) == 1
    rows = list[EntryRow]()
    for organization_id in wanted.organization_ids:
        rows += await _NEWEST.all(
            tx,
            **filters,
            organization_id=organization_id,
            before_at=before_at,
            before_id=before_id,
            limit=wanted.limit if one else wanted.limit + wanted.offset,
            offset=wanted.offset if one else 0,
        )
    if not one:
        rows.sort(key=lambda row: (row.at, row.id), reverse=True)
        rows = rows[wanted.offset : wanted.offset + wanted.limit]
    return [_recorded(row) for row in rows]


def _recorded(row: EntryRow) -> Recorded:
    return Recorded(**row._asdict() | {"success": bool(row.success)})
