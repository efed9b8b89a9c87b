"""The days of a month with the slots that a schedule will have on them. Pure."""

from calendar import Calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo

from enginehouse.domain.schedules.calendar import local_time, slots
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import EPOCH, RunMode
from enginehouse.domain.schedules.zones import zone_of

MOST: Final = 100
"""Slots of one day that are counted, so that a month costs the same for a schedule of every second."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day on the clock of the schedule, and the local times of its slots. `more`: it has others after them."""

    date: date
    slots: tuple[datetime, ...] = ()
    more: bool = False


def month(schedule: Schedule, year: int, number: int, *, now: int) -> list[list[Day]]:
    """Returns the whole weeks, from Monday on, that hold the month, with its coming slots. Other days have none."""
    zone = zone_of(schedule.timing.zone)
    return [
        [_day(schedule, day, zone, now) if day.month == number else Day(day) for day in week]
        for week in Calendar().monthdatescalendar(year, number)
    ]


def _day(schedule: Schedule, day: date, zone: ZoneInfo, now: int) -> Day:
    if schedule.run_mode is not RunMode.RECURRING:
        return Day(day)
    begin, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    after = max(now, schedule.decided, begin - 1)
    if after >= end:
        return Day(day)
    last = end - 1 if schedule.stop_at is None else min(end - 1, schedule.stop_at)
    coming = slots(schedule.timing, anchor=schedule.anchor, after=after)
    found: Sequence[int] = list(islice(takewhile(lambda slot: slot <= last, coming), MOST + 1))
    return Day(day, tuple(local_time(slot, zone) for slot in found[:MOST]), len(found) > MOST)


def _midnight(day: date, zone: ZoneInfo) -> int:
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (begin - EPOCH) // timedelta(microseconds=1)
