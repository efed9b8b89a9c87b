"""The backlog of scheduled jobs over time: how many had not started, and how many had not ended."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.times import FIRST_MOMENT, SECOND
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import jobs as schedule_jobs

MOST_MARKS: Final = 1000
_AN_HOUR: Final = 3600 * SECOND
_CAME, _BEGAN, _ENDED = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRequest:
    """The start and end (µs) and the distance of the marks (seconds). The default is the last hour, by the minute."""

    start: int | None = None
    end: int | None = None
    interval: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """At each mark (µs), by run mode: how many jobs had not started, and how many had not ended."""

    start: int
    end: int
    marks: tuple[int, ...]
    pending: dict[str, list[int]]
    live: dict[str, list[int]]


async def series(house: House, principal: Principal, request: SeriesRequest) -> Series:
    """Returns the backlog of the organization's schedules, by each schedule's current run mode. Raises InvalidInput."""
    require(principal, Role.READER)

    async def look(tx: Tx) -> Series:
        now = await tx.read_clock()
        first, last, step = _marks(request, now)
        rows = await schedule_jobs.pending_changes(tx, principal.organization_id, first=first, last=last, step=step)
        marks = tuple(range(first, last + 1, step))
        changes: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0] * len(marks))
        for mode, what, mark, jobs in rows:
            if mark < len(marks):
                changes[mode, what][mark] += jobs
        modes = sorted({mode for mode, _ in changes})
        pending, live = (
            {
                mode: [
                    came - gone
                    for came, gone in zip(
                        accumulate(changes[mode, _CAME]), accumulate(changes[mode, what]), strict=True
                    )
                ]
                for mode in modes
            }
            for what in (_BEGAN, _ENDED)
        )
        return Series(start=first, end=last, marks=marks, pending=pending, live=live)

    return await house.database.read(look)


def _marks(request: SeriesRequest, now: int) -> tuple[int, int, int]:
    """Returns the first mark, the end and the distance (µs, in whole seconds). Raises InvalidInput."""
    last = (now if request.end is None else request.end) // SECOND * SECOND
    first = (max(last - _AN_HOUR, FIRST_MOMENT) if request.start is None else request.start) // SECOND * SECOND
    if first > last:
        raise InvalidInput([Problem("startTime", "must be before endTime.")])
    shortest = max(1, -(-(last - first) // (SECOND * (MOST_MARKS - 1))))
    interval = max(60, shortest) if request.interval is None else request.interval
    if interval < shortest:
        text = f"{shortest} or more for this range, got {interval}."
        raise InvalidInput([Problem("interval", text, str(interval), f"{shortest} or more")])
    return first, last, interval * SECOND
