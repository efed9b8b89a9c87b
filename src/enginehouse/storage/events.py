"""The history of jobs in storage: read page by page, or as the new events of many jobs at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.event import NOTHING, Detail, Event, EventKind, Head, HistoryPosition, HistoryRow, told
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select

_MOST: Final = 2_000  # rows that `following` returns
_NEVER: Final = 9_223_372_036_854_775_807
_detail: Final = msgspec.json.Decoder(Detail).decode
_encode: Final = msgspec.json.Encoder().encode


class HeadRow(NamedTuple):
    """The facts for a job's head. `aborts` is 0 if the job is aborted and no row of its history records that."""

    id: int
    status: str
    created_at: int
    retry_of: int | None
    aborted_at: int | None
    last_row: int
    aborts: int
    covered_at: int | None


class EndRow(NamedTuple):
    """The same of one job, with the number of the rows of its history."""

    id: int
    status: str
    created_at: int
    retry_of: int | None
    aborted_at: int | None
    last_row: int
    aborts: int
    covered_at: int | None
    written: int


class EventRow(NamedTuple):
    """A row of the history; `detail` is JSON text."""

    job_id: int
    id: int
    ordinal: int
    kind: str
    at: int
    detail: str | None


_HEADS: Final = Select("events.heads", HeadRow)
_END: Final = Select("events.end", EndRow)
_PAGE: Final = Select("events.page", EventRow)
_FOLLOWING: Final = Select("events.following", EventRow)


def row(job_id: int, ordinal: int, kind: EventKind, at: int, detail: Detail | None = None) -> Row:
    """Returns the row of an event, for `insert`. The writer must hold the job's lock: it keeps the order of events."""
    return (job_id, ordinal, kind._value_, at, None if detail is None else _encode(detail).decode())


async def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """Writes the events in this order."""
    await tx.many("events.insert", rows)


async def heads(tx: Tx, jobs: Sequence[tuple[int, int]]) -> dict[int, Head]:
    """Returns the head of each (job, organization). Jobs that the organization does not have are missing."""
    return {row.id: _head(row) for row in await _HEADS.each(tx, jobs)}


async def end(tx: Tx, organization_id: int, job_id: int) -> tuple[Head, int] | None:
    """Returns the head of the job and the id of its last event; None if the organization has no such job."""
    row = await _END.one(tx, organization_id=organization_id, job_id=job_id)
    if row is None:
        return None
    head = _head(row)
    return head, row.written + (head.aborted_at is not None)


async def page(tx: Tx, head: Head, after: int, limit: int) -> tuple[list[Event], HistoryPosition]:
    """Returns about `limit` events after the event id `after` (-1: from the first on), and the place behind them.

    Events without a row do not count against the limit. Fewer than `limit` events means that there are no more. Behind
    the last event, the place is where the history will continue.
    """
    before_abort = None if head.aborted_at is None else await _count(tx, head.job_id, head.aborted_at)
    aborted = before_abort is not None and after > before_abort
    rows = await _PAGE.all(tx, job_id=head.job_id, limit=limit, skip=max(after, 0) - aborted)
    place = HistoryPosition(after, head.last, aborted)
    if not rows and after >= 0:
        last = await _count(tx, head.job_id, _NEVER) + (before_abort is not None)
        if after >= last:
            return [], HistoryPosition(last, head.last, before_abort is not None)
    return told(head, place, [_written(row) for row in rows], all_there=len(rows) < limit)


async def news(
    tx: Tx, places: Sequence[tuple[Head, HistoryPosition]]
) -> dict[int, tuple[list[Event], HistoryPosition]]:
    """Returns the new events of each job since its place, and the place behind them. There may be more events left."""
    behind = [(head.job_id, place.row) for head, place in places if head.last > place.row]
    rows = await _FOLLOWING.each(tx, sorted(behind)) if behind else []
    of_job: dict[int, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        of_job[row.job_id].append(_written(row))
    all_there = len(rows) < _MOST
    return {head.job_id: told(head, place, of_job[head.job_id], all_there=all_there) for head, place in places}


async def _count(tx: Tx, job_id: int, until: int) -> int:
    [(events,)] = await tx.all("events.count", job_id=job_id, until=until)
    return int(events)


def _head(row: HeadRow | EndRow) -> Head:
    if row.covered_at is not None:
        return Head(row.id, JobStatus.ABORTED, row.created_at, row.retry_of, row.covered_at, row.last_row)
    aborted_at = None if row.aborts else row.aborted_at
    return Head(row.id, JobStatus(row.status), row.created_at, row.retry_of, aborted_at, row.last_row)


def _written(row: EventRow) -> HistoryRow:
    detail = NOTHING if row.detail is None else _detail(row.detail)
    return HistoryRow(row.id, row.ordinal, EventKind(row.kind), row.at, detail)
