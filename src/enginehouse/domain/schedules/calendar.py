"""The calendar of a schedule: the instants at which it is due, in every time zone and across clock changes. Pure.

A wall-clock time is looked up in the zone. A time that does not exist fires at the first instant after the gap, and a
time that comes twice fires at the first of the two, unless the schedule says otherwise. Intervals in hours, minutes and
seconds are elapsed time and do not depend on the zone. A cron line of every hour fires whenever the clock shows one of
its times, so it goes on through a repeated hour or part of an hour.
"""

import calendar
import heapq
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, tee
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim
from msgspec import structs

from enginehouse.domain.schedules.cron import follows_elapsed_time
from enginehouse.domain.schedules.timing import DAY, EPOCH, Fold, Gap, Recurring, Timing, Unit, Weekly
from enginehouse.domain.schedules.zones import zone_of
from enginehouse.domain.times import SECOND

LAST_YEAR: Final = 2400

# No slot is at or after this. What lies far beyond, or before, cannot be converted to every zone, nor counted on from.
_END: Final = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_BEGIN: Final = (datetime(1, 1, 10, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def slots(timing: Timing, *, anchor: int, after: int) -> Iterator[int]:
    """Yields every slot later than `after`, rising, each once. Intervals count from `anchor`; no slot is before it."""
    zone = zone_of(timing.zone)
    start = max(after, anchor - 1)
    if start >= _END:
        return
    streams = [_recurring(part, timing, zone, anchor, start) for part in timing.recurring]
    streams += [_weekly(part, timing, zone, start) for part in timing.weekly]
    if timing.cron is not None:
        streams.append(_cron(timing.cron, timing, zone, start))
    last = start
    for slot in heapq.merge(*streams):
        if slot >= _END:
            return
        if slot > last:
            last = slot
            if not timing.excluded or local_time(slot, zone).date().isoformat() not in timing.excluded:
                yield slot


def instant_of(local: datetime, zone: ZoneInfo, gap: Gap = Gap.AFTER, fold: Fold = Fold.FIRST) -> int | None:
    """Returns the instant (µs UTC) of `local`; None for a local time in a gap if the gap is skipped.

    The caller handles `Fold.BOTH` by two calls; here it means the first.
    """
    first = _micros(local.replace(tzinfo=zone, fold=0))
    second = _micros(local.replace(tzinfo=zone, fold=1))
    if first > second:
        # In a gap the order is reversed: fold 0 uses the offset before the gap, which gives the later instant.
        return None if gap is Gap.SKIP else change_between(second, first, zone)
    return second if fold is Fold.LAST else first


def mark(slot: int, timing: Timing) -> str | None:
    """Returns "gap" for a slot right after a clock gap, "repeated" for a local time that comes twice, else None."""
    if not by_clock(timing):
        return None
    zone = zone_of(timing.zone)
    here, before = local_time(slot, zone), local_time(slot - SECOND, zone)
    if (here.utcoffset() or timedelta()) > (before.utcoffset() or timedelta()):
        return "gap"
    first = _micros(here.replace(fold=0))
    return "repeated" if first != _micros(here.replace(fold=1)) else None


def by_clock(timing: Timing) -> bool:
    """Returns True if a clock change can move a slot. Elapsed time does not depend on the wall clock."""
    if timing.weekly or any(part.unit.seconds is None for part in timing.recurring):
        return True
    return timing.cron is not None and not follows_elapsed_time(timing.cron)


def change_between(before: int, after: int, zone: ZoneInfo) -> int:
    """Returns the first whole second after `before` at which the zone has the same offset as at `after`."""
    low, high = before // SECOND, after // SECOND
    offset = local_time(after, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if local_time(middle * SECOND, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high * SECOND


def _wall(locals_: Iterator[datetime], timing: Timing, zone: ZoneInfo, after: int) -> Iterator[int]:
    """Yields the instants of rising local times, also rising."""
    if timing.fold is Fold.BOTH:
        ones, others = tee(locals_)
        both = (_chosen(ones, timing.gap, Fold.FIRST, zone), _chosen(others, timing.gap, Fold.LAST, zone))
        found: Iterator[int] = heapq.merge(*both)
    else:
        found = _chosen(locals_, timing.gap, timing.fold, zone)
    return (instant for instant in found if instant > after)


def _chosen(locals_: Iterator[datetime], gap: Gap, fold: Fold, zone: ZoneInfo) -> Iterator[int]:
    return (instant for local in locals_ if (instant := instant_of(local, zone, gap, fold)) is not None)


def _recurring(part: Recurring, timing: Timing, zone: ZoneInfo, anchor: int, after: int) -> Iterator[int]:
    if (unit := part.unit.seconds) is not None:
        step = unit * part.every * SECOND
        first = anchor if part.start is None else _at(local_time(anchor, zone).date(), part.start, zone)
        return (slot for slot in count(first + ((after - first) // step + 1) * step, step) if slot > after)
    begin = local_time(anchor, zone).replace(tzinfo=None)
    time_of_day = timedelta(
        hours=begin.hour, minutes=begin.minute, seconds=begin.second, microseconds=begin.microsecond
    )
    if part.start is not None:
        time_of_day = timedelta(seconds=part.start)
    days = _dates(part.unit, part.every, begin.date(), local_time(after, zone).date() - timedelta(days=2))
    return _wall((_midnight(day) + time_of_day for day in days), timing, zone, after)


def _dates(unit: Unit, every: int, first: date, since: date) -> Iterator[date]:
    """Yields the dates of the interval that `first` begins, starting with the last one before `since`."""
    if unit is Unit.MONTHS:
        months = (since.year - first.year) * 12 + since.month - first.month
        for number in count(max(0, months // every - 1) * every, every):
            year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
            if year > LAST_YEAR:
                return
            # In a shorter month the last day replaces the 29th, 30th or 31st; later months use the original day again.
            yield date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))
    step = every * (7 if unit is Unit.WEEKS else 1)
    day = first + timedelta(days=max(0, (since - first).days // step) * step)
    while day.year <= LAST_YEAR:
        yield day
        day += timedelta(days=step)


def _weekly(part: Weekly, timing: Timing, zone: ZoneInfo, after: int) -> Iterator[int]:
    day = local_time(after, zone).date() - timedelta(days=2)
    if part.day is not None:
        day += timedelta(days=(part.day - day.weekday()) % 7)
    days = _dates(Unit.DAYS if part.day is None else Unit.WEEKS, 1, day, day)
    return _wall((_midnight(day) + timedelta(seconds=part.start) for day in days), timing, zone, after)


def _cron(line: str, timing: Timing, zone: ZoneInfo, after: int) -> Iterator[int]:
    begin = local_time(after, zone).replace(tzinfo=None)
    if follows_elapsed_time(line):
        timing = structs.replace(timing, gap=Gap.SKIP, fold=Fold.BOTH)
        begin -= _change_near(after, zone)
    else:
        begin -= timedelta(days=2)
    return _wall(iter(CronSim(line, begin)), timing, zone, after)


def _change_near(instant: int, zone: ZoneInfo) -> timedelta:
    """Returns by how much the clock changes within a day of the instant; usually by nothing."""
    offsets = [local_time(instant + days * DAY * SECOND, zone).utcoffset() or timedelta() for days in (-1, 0, 1)]
    return max(offsets) - min(offsets)


def _at(day: date, seconds: int, zone: ZoneInfo) -> int:
    instant = instant_of(_midnight(day) + timedelta(seconds=seconds), zone)
    if instant is None:
        raise AssertionError("only Gap.SKIP leaves a time out")
    return instant


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def local_time(instant: int, zone: ZoneInfo) -> datetime:
    """Returns the local time of an instant, or of the first or last one that can be converted to every zone."""
    return (EPOCH + timedelta(microseconds=min(max(instant, _BEGIN), _END))).astimezone(zone)


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
