"""Warnings about the local times of a schedule that a clock change leaves out or repeats. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from enginehouse.domain.schedules.calendar import by_clock, change_between, local_time, slots
from enginehouse.domain.schedules.timing import DAY, EPOCH, Fold, Gap, Timing
from enginehouse.domain.schedules.zones import zone_of
from enginehouse.domain.times import SECOND

_MOST_TIMES: Final = 200  # of one schedule in one clock change: more than the minutes of the longest
_NAMED: Final = 12  # times that are named one by one; of more, the first and the last
_LONGEST_LOOK: Final = 5 * 366 * DAY * SECOND
_SHORTEST_LOOK: Final = 52 * 7 * DAY * SECOND


class ClockChange(NamedTuple):
    """A clock that jumps from the local time `before` to `after`."""

    at: int
    before: datetime
    after: datetime


def warnings(timing: Timing, *, anchor: int, now: int, last: int, stop: int | None = None) -> list[str]:
    """Returns a warning for each time of day that a clock change leaves out or repeats, with all its dates.

    It looks from `now` to `last`, but at least a year and at most five years ahead, and not beyond `stop`.
    """
    if not by_clock(timing):
        return []
    until = min(max(last, now + _SHORTEST_LOOK), now + _LONGEST_LOOK)
    until = until if stop is None else min(until, stop)
    found: dict[tuple[bool, str, str], list[str]] = defaultdict(list)
    for change in clock_changes(timing.zone, max(now, anchor) // (DAY * SECOND), until // (DAY * SECOND) + 1):
        if not max(now, anchor) <= change.at <= until:
            continue
        is_gap = change.after > change.before
        if (timing.gap is Gap.SKIP) if is_gap else (timing.fold is Fold.BOTH):
            continue
        times = list(_times(timing, anchor, min(change.before, change.after), max(change.before, change.after)))
        if times and times[0].date().isoformat() not in timing.excluded:
            key = (is_gap, _listed(times), change.after.strftime("%H:%M"))
            found[key].append(times[0].strftime("%Y-%m-%d"))
    return [_sentence(timing, *key, dates) for key, dates in found.items()]


def _sentence(timing: Timing, is_gap: bool, times: str, after: str, dates: list[str]) -> str:
    several, where = " and " in times or " to " in times, f"on {_joined(dates)} in {timing.zone}"
    if is_gap:
        on = "that day it runs" if len(dates) == 1 else "on those days it runs"
        return f"{times} {'do' if several else 'does'} not exist {where}; {on} at {after}."
    which = "first" if timing.fold is Fold.FIRST else "second"
    return f"{times} {'come' if several else 'comes'} twice {where}; it runs the {which} time only."


def _times(timing: Timing, anchor: int, first: datetime, end: datetime) -> Iterator[datetime]:
    """Yields the local times of the calendar from `first` to before `end`, rising."""
    # The same calendar in a zone whose clock never jumps.
    parts = tuple(part for part in timing.recurring if part.unit.seconds is None)
    steady = replace(timing, recurring=parts, zone="UTC", excluded=frozenset())
    begin = _naive(local_time(anchor, zone_of(timing.zone)).replace(tzinfo=None))
    for slot in islice(slots(steady, anchor=begin, after=_naive(first) - 1), _MOST_TIMES):
        local = (EPOCH + timedelta(microseconds=slot)).replace(tzinfo=None)
        if local >= end:
            return
        yield local


@lru_cache(maxsize=256)
def clock_changes(zone_name: str, first_day: int, last_day: int) -> tuple[ClockChange, ...]:
    """Returns the clock changes of the zone in these days since 1970, in their order."""
    zone, found = zone_of(zone_name), list[ClockChange]()
    for day in range(first_day, last_day + 1):
        start, end = day * DAY * SECOND, (day + 1) * DAY * SECOND
        old, new = local_time(start, zone).utcoffset(), local_time(end, zone).utcoffset()
        if old is not None and new is not None and old != new:
            at = change_between(start, end, zone)
            after = local_time(at, zone).replace(tzinfo=None)
            found.append(ClockChange(at, after - (new - old), after))
    return tuple(found)


def _listed(times: list[datetime]) -> str:
    words = [each.strftime("%H:%M") + (f":{each.second:02}" if each.second else "") for each in times]
    return _joined(words) if len(words) <= _NAMED else f"{words[0]} to {words[-1]} ({len(words)} times)"


def _joined(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _naive(local: datetime) -> int:
    return (local.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
