"""Times as people write them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from enginehouse.cli import human_time
from enginehouse.domain.schedules.human_time import UnclearTime, calendar_date, length
from enginehouse.domain.schedules.zones import zone_of

PRAGUE = zone_of("Europe/Prague")
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)  # a Tuesday; in Prague it is half past eleven at night


def interval(every: int, unit: str, start: str | None = None) -> dict[str, Any]:
    part = {"repeatInterval": every, "repeatIntervalUnit": unit}
    return part if start is None else part | {"startTime": start}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("15 minutes", [interval(15, "Minutes")]),
        ("every 15 min", [interval(15, "Minutes")]),
        ("hour", [interval(1, "Hours")]),
        ("30s", [interval(30, "Seconds")]),
        ("2 h at 00:15", [interval(2, "Hours", "00:15")]),
        ("Day at 21:30", [interval(1, "Days", "21:30")]),
        ("3 days at 9am", [interval(3, "Days", "09:00")]),
        ("day at 6:00, noon and 9:30 pm", [interval(1, "Days", at) for at in ("06:00", "12:00", "21:30")]),
        ("2 weeks at 07:00", [interval(2, "Weeks", "07:00")]),
        ("month", [interval(1, "Months")]),
    ],
)
def test_a_rhythm_is_an_interval(text: str, parts: list[dict[str, Any]]) -> None:
    assert human_time.rhythm(text) == {"recurringScheduleParts": parts}


@pytest.mark.parametrize(
    ("text", "days", "start", "stop"),
    [
        ("monday at 08:00", ["Monday"], "08:00", None),
        ("mon, wed and Fridays at 8am", ["Monday", "Wednesday", "Friday"], "08:00", None),
        ("weekday at 08:00 to 17:30", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], "08:00", "17:30"),
        ("weekends at midnight", ["Saturday", "Sunday"], "00:00", None),
    ],
)
def test_a_rhythm_is_days_of_the_week(text: str, days: list[str], start: str, stop: str | None) -> None:
    parts = human_time.rhythm(text)["weeklyScheduleParts"]
    assert [part["scheduledDay"] for part in parts] == days
    assert {(part["startTime"], part.get("stopTime")) for part in parts} == {(start, stop)}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("day", 'at which time? For example: "day at 08:00".'),
        ("friday", 'at which time? For example: "friday at 08:00".'),
        ("fortnight", '"fortnight" is not understood.'),
        ("", '"" is not understood.'),
        ("day at 25:00", '"25:00" is not a time of day.'),
        ("day at 9", '"9" is not a time of day.'),
        ("day at 13pm", '"13pm" is not a time of day.'),
        ("day at 10:75", '"10:75" is not a time of day.'),
        ("monday at 8am to 9am to 10am", "is not a span of time."),
    ],
)
def test_a_rhythm_that_is_not_understood_is_refused_with_what_would_be(text: str, hint: str) -> None:
    with pytest.raises(UnclearTime) as refused:
        human_time.rhythm(text)
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-24T22:30:00Z"),
        ("in 2 hours", "2026-11-25T00:30:00Z"),
        ("in 1 week", "2026-12-01T22:30:00Z"),
        ("today 23:45", "2026-11-24T22:45:00Z"),
        ("tomorrow 9am", "2026-11-25T08:00:00Z"),
        ("Tomorrow", "2026-11-24T23:00:00Z"),
        ("tuesday at 10:00", "2026-12-01T09:00:00Z"),
        ("wed 10:00", "2026-11-25T09:00:00Z"),
        ("2026-12-01", "2026-11-30T23:00:00Z"),
        ("2026-07-01 10:00", "2026-07-01T08:00:00Z"),
        ("2027-03-28 02:30", "2027-03-28T01:00:00Z"),  # it does not exist there: the first instant after it
        ("2026-12-01T10:00:00+05:00", "2026-12-01T05:00:00Z"),
        ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
        ("yesterday", "2026-11-22T23:00:00Z"),
        ("yesterday 18:00", "2026-11-23T17:00:00Z"),
        ("2h ago", "2026-11-24T20:30:00Z"),
        ("3 days ago", "2026-11-21T22:30:00Z"),
        ("last friday", "2026-11-19T23:00:00Z"),
        ("last tuesday 9am", "2026-11-17T08:00:00Z"),
    ],
)
def test_a_moment_is_local_unless_it_says_otherwise(text: str, expected: str) -> None:
    assert human_time.moment(text, PRAGUE, NOW) == expected


@pytest.mark.parametrize(
    "text", ["soon", "in a while", "funday 9am", "32.13.2026", "tomorrow at dawn", "last today", "a while ago"]
)
def test_a_moment_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(UnclearTime):
        human_time.moment(text, PRAGUE, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1790000000", "1790000000"),
        ("2026-12-01T10:00:00.250+01:00", "2026-12-01T10:00:00.250+01:00"),
        ("2026-12-01 10:00", "2026-12-01T09:00:00Z"),
        ("2026-12-01T10:00:00.250", "2026-12-01T09:00:00.250000Z"),
        ("2026-12-01", "2026-11-30T23:00:00Z"),
    ],
)
def test_an_option_sends_an_exact_time_as_it_is_and_a_local_one_in_utc(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Prague")
    assert human_time.MOMENT.convert(text, None, None) == expected


def test_an_option_takes_a_length_of_time() -> None:
    assert human_time.LENGTH.convert("5 min", None, None) == 300
    with pytest.raises(click.BadParameter, match='"soon" is not a length of time'):
        human_time.LENGTH.convert("soon", None, None)


def test_an_option_refuses_what_is_no_time_with_times_that_work() -> None:
    with pytest.raises(click.BadParameter, match=r'"soon" is not a moment\. For example: .*"2h ago"'):
        human_time.MOMENT.convert("soon", None, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("30 s", 30), ("5 min", 300), ("2h", 7200), ("1 day", 86_400)]
)
def test_a_length(text: str, seconds: int) -> None:
    assert length(text) == seconds


@pytest.mark.parametrize("text", ["", "-5", "1 month", "five minutes"])
def test_a_length_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(UnclearTime):
        length(text)


def test_an_excluded_date_is_a_date() -> None:
    assert calendar_date("2026-12-24") == "2026-12-24"
    for text in ("2026-02-30", "24.12.2026", "20261224"):
        with pytest.raises(UnclearTime):
            calendar_date(text)


def test_the_zone_of_this_machine_is_its_own_or_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert human_time.local_zone() == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "nonsense")
    monkeypatch.setattr(Path, "resolve", lambda self: Path("/usr/share/zoneinfo/America/New_York"))
    assert human_time.local_zone() == "America/New_York"
    monkeypatch.setattr(Path, "resolve", lambda self: Path("/etc/localtime"))
    assert human_time.local_zone() == "UTC"
