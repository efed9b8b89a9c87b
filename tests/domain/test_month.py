"""The calendar of a month: which days have slots, on the clock of the schedule."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec import structs
from tests import make

from enginehouse.domain.schedules import changes
from enginehouse.domain.schedules.month import MOST, Day, month
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Recurring, RunMode, Timing, Unit, Weekly

SECOND = 1_000_000


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


NOW = micros("2026-03-10 12:00:00")


def schedule(timing: Timing, **more: Any) -> Schedule:
    blank = changes.blank(make.principal(), 1, NOW)
    settings = {"run_mode": RunMode.RECURRING, "timing": timing, "anchor": 0, "decided": NOW, **more}
    return structs.replace(blank, **settings)


def busy(weeks: list[list[Day]]) -> dict[date, list[str]]:
    return {day.date: [f"{slot:%H:%M}" for slot in day.slots] for week in weeks for day in week if day.slots}


def test_whole_weeks_from_monday_on() -> None:
    weeks = month(schedule(Timing()), 2026, 3, now=NOW)
    assert {len(week) for week in weeks} == {7}
    assert {week[0].date.weekday() for week in weeks} == {0}
    assert (weeks[0][0].date, weeks[-1][-1].date) == (date(2026, 2, 23), date(2026, 4, 5))


def test_only_coming_slots_of_the_month_itself() -> None:
    daily = Timing(recurring=(Recurring(Unit.DAYS, 1, start=11 * 3600),), excluded=frozenset({"2026-03-20"}))
    found = busy(month(schedule(daily, stop_at=micros("2026-03-30 00:00:00")), 2026, 3, now=NOW))
    assert list(found) == [date(2026, 3, day) for day in range(11, 30) if day != 20]
    assert busy(month(schedule(daily), 2026, 2, now=NOW)) == {}


@pytest.mark.parametrize("zone", ["Europe/Prague", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"])
def test_a_day_is_one_on_the_clock_of_the_schedule(zone: str) -> None:
    """Also on the day on which the clock changes, and for the first and the last second of a day."""
    timing = Timing(weekly=(Weekly(start=0), Weekly(start=86_399)), zone=zone)
    found = busy(month(schedule(timing), 2026, 4, now=NOW))
    assert found == {date(2026, 4, day): ["00:00", "23:59"] for day in range(1, 31)}


def test_a_schedule_of_every_second_costs_no_more() -> None:
    often = Timing(recurring=(Recurring(Unit.SECONDS, 1),))
    days = [day for week in month(schedule(often), 2026, 5, now=NOW) for day in week if day.date.month == 5]
    assert {(len(day.slots), day.more) for day in days} == {(MOST, True)}


def test_one_that_waits_for_a_launch_has_no_slots() -> None:
    assert busy(month(schedule(Timing(), run_mode=RunMode.ONCE), 2026, 3, now=NOW)) == {}
