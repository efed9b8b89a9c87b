"""The history of jobs in storage: read in pages, or as what is new of many jobs at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from enginehouse.domain.event import NOTHING, Detail, Event, EventKind, Head, Place, Written, told
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Row, Tx

_MOST: Final = 2_000  # rows that `following` answers
_NEVER: Final = 9_223_372_036_854_775_807
_detail: Final = msgspec.json.Decoder(Detail).decode


async def heads(tx: Tx, wanted: Sequence[tuple[int, int]]) -> dict[int, Head]:
    """Where each (job, organization) stands; one that the organization has not is left out."""
    return {row[0]: _head(row) for row in await tx.each("events.heads", wanted)}


async def page(tx: Tx, head: Head, after: int, limit: int) -> tuple[list[Event], Place]:
    """About `limit` events behind the one with the id `after` (-1: from the first on), and the place behind them.

    What has no row comes on top of the limit. Fewer than `limit` means that there is no more; behind the last event the
    place is where the history will go on.
    """
    before_abort = None if head.aborted_at is None else await _count(tx, head.job_id, head.aborted_at)
    aborted = before_abort is not None and after > before_abort
    rows = await tx.all("events.page", job_id=head.job_id, limit=limit, skip=max(after, 0) - aborted)
    place = Place(after, head.last, aborted)
    if not rows and after >= 0:
        last = await _count(tx, head.job_id, _NEVER) + (before_abort is not None)
        if after >= last:
            return [], Place(last, head.last, before_abort is not None)
    return told(head, place, [_written(row) for row in rows], all_there=len(rows) < limit)


async def news(tx: Tx, known: Sequence[tuple[Head, Place]]) -> dict[int, tuple[list[Event], Place]]:
    """What is new of each of these jobs since its place, and the place behind that. It may be less than there is."""
    behind = [(head.job_id, place.row) for head, place in known if head.last > place.row]
    rows = await tx.each("events.following", sorted(behind)) if behind else []
    of_job: dict[int, list[Written]] = defaultdict(list)
    for row in rows:
        of_job[row[0]].append(_written(row))
    all_there = len(rows) < _MOST
    return {head.job_id: told(head, place, of_job[head.job_id], all_there=all_there) for head, place in known}


async def _count(tx: Tx, job_id: int, until: int) -> int:
    row = await tx.one("events.count", job_id=job_id, until=until)
    return int(row[0]) if row else 0


def _head(row: Row) -> Head:
    job_id, status, created_at, retry_of, aborted_at, last, told_by_rows, covered_at = row
    if covered_at is not None:
        return Head(job_id, JobStatus.ABORTED, created_at, retry_of, covered_at, last)
    return Head(job_id, JobStatus(status), created_at, retry_of, None if told_by_rows else aborted_at, last)


def _written(row: Row) -> Written:
    detail = NOTHING if row[5] is None else _detail(row[5])
    return Written(row[1], row[2], EventKind(row[3]), row[4], detail)
