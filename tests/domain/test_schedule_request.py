"""What is wrong with a request for a schedule, and that it is said in one sentence with its path."""

from datetime import UTC, datetime
from typing import Any

import pytest

from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest, ScheduleSettings, WeeklyPart, read
from enginehouse.domain.schedules.timing import RunMode, Unit

WRONG_TIME = "HH:MM or HH:MM:SS (24 h), got"


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def recurring(**fields: Any) -> dict[str, Any]:
    """Every five minutes, unless the fields say otherwise."""
    part = RecurringPart(**{"unit": Unit.MINUTES, "every": 5, **fields})
    return {"run_mode": RunMode.RECURRING, "recurring": (part,)}


def cron(line: str) -> dict[str, Any]:
    return {"run_mode": RunMode.RECURRING, "cron": line}


DAILY = recurring(unit=Unit.DAYS, every=1, start="21:30")
INTERVAL = "recurringScheduleParts[0].repeatInterval: "
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"start_at": micros("2030-01-01 11:00"), "stop_at": micros("2030-01-01 10:00")},
        "stopDateTime: 2030-01-01T10:00:00.000Z must be after startDateTime (2030-01-01T11:00:00.000Z).",
    ),
    ({**DAILY, "stop_at": micros("2020-01-01")}, "stopDateTime: is in the past; this schedule would never fire."),
    (
        {**recurring(), "cron": "0 0 * * *"},
        "Give exactly one of recurringScheduleParts, weeklyScheduleParts, cron; got recurringScheduleParts, cron.",
    ),
    ({**recurring(), "run_mode": RunMode.ONCE}, "runMode Once does not take recurringScheduleParts."),
    (
        {"run_mode": RunMode.RECURRING},
        "runMode: Recurring needs recurringScheduleParts, weeklyScheduleParts or cron.",
    ),
    ({"run_mode": RunMode.NOW, "start_at": micros("2030-01-01")}, "runMode Now does not take startDateTime."),
    (recurring(every=0), f"{INTERVAL}integer ≥ 1, got 0; the shortest allowed period is 1 s."),
    (recurring(every=-5), f"{INTERVAL}integer ≥ 1, got -5; the shortest allowed period is 1 s."),
    (recurring(every=1.5), f"{INTERVAL}integer ≥ 1, got 1.5; the shortest allowed period is 1 s."),
    (
        recurring(unit=Unit.WEEKS, every=1000),
        f"{INTERVAL}1000 weeks is longer than ten years; this schedule would never fire.",
    ),
    (recurring(duration_seconds=-1), "recurringScheduleParts[0].durationSeconds: 0 or more, got -1."),
    (
        recurring(unit=Unit.DAYS),
        "recurringScheduleParts[0].startTime: is required when repeatIntervalUnit is Days.",
    ),
    (recurring(start="25:00"), f'recurringScheduleParts[0].startTime: {WRONG_TIME} "25:00".'),
    (
        {"run_mode": RunMode.RECURRING, "weekly": (WeeklyPart(start="9am"),)},
        f'weeklyScheduleParts[0].startTime: {WRONG_TIME} "9am".',
    ),
    (
        {**DAILY, "zone": "Europe/Pragu"},
        'timeZone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/Prague"?',
    ),
    (cron("0 25 * * *"), 'cron: field 2 (hour): "25" is not 0–23.'),
    (cron("0 22-6 * * *"), 'cron: field 2 (hour): the range "22-6" runs backwards: 22 is after 6. Write 22-23,0-6.'),
    (
        cron("0 0 * * MON,FRI-SUN"),
        'cron: field 5 (day of the week): the range "FRI-SUN" runs backwards: FRI is after SUN. Write 5-6,0.',
    ),
    (
        cron("0 0 31-1 * *"),
        'cron: field 3 (day of the month): the range "31-1" runs backwards: 31 is after 1. Write 31,1.',
    ),
    (
        cron("0 0 1 nov-feb *"),
        'cron: field 4 (month): the range "NOV-FEB" runs backwards: NOV is after FEB. Write 11-12,1-2.',
    ),
    (cron("50-10/5 * * * *"), 'cron: field 1 (minute): the range "50-10/5" runs backwards: 50 is after 10.'),
    (cron("0 0 31 2 *"), 'cron: "0 0 31 2 *" never fires.'),
    (cron("0 0 * *"), 'cron: five fields (minute hour day month weekday), got 4: "0 0 * *".'),
    ({**DAILY, "most": 525_600}, 'catchUpLimit: 1–1000 runs, got 525600. Use "last" to catch up with one run only.'),
    ({**DAILY, "excluded": ("24.12.",)}, 'excludedDates[0]: a date like 2026-12-24, got "24.12.".'),
    ({**DAILY, "jitter_seconds": -1}, "jitterSeconds: 0–86400, got -1."),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_sentence(fields: dict[str, Any], message: str) -> None:
    _, problems = read(ScheduleRequest(**fields), ScheduleSettings(), now=micros("2026-11-24"))
    assert [problem.message for problem in problems] == [message]


@pytest.mark.parametrize("fields", [{}, DAILY, recurring(), cron("0 0 * * *")])
def test_nothing_is_wrong_with_what_can_fire(fields: dict[str, Any]) -> None:
    assert read(ScheduleRequest(**fields), ScheduleSettings(), now=micros("2026-11-24"))[1] == []
