"""Times as people write them: `2 hours`, `day at 21:30`, `monday and friday at 9am`, `tomorrow 18:00`. Pure."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from enginehouse.domain.schedules.calendar import instant_of
from enginehouse.domain.schedules.request import RecurringPart, WeeklyPart
from enginehouse.domain.schedules.timing import EPOCH, Unit

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GROUPS: Final = {"weekday": range(5), "weekend": range(5, 7)}
_UNITS: Final = {
    "s": Unit.SECONDS, "sec": Unit.SECONDS, "second": Unit.SECONDS,
    "min": Unit.MINUTES, "minute": Unit.MINUTES, "h": Unit.HOURS, "hour": Unit.HOURS,
    "d": Unit.DAYS, "day": Unit.DAYS, "week": Unit.WEEKS, "month": Unit.MONTHS,
}  # fmt: skip
_LONG: Final = {Unit.DAYS: 86_400, Unit.WEEKS: 7 * 86_400}
_RHYTHM: Final = re.compile(r"(?P<what>.+?)(?:\s+at\s+(?P<times>.+))?", re.IGNORECASE)
_INTERVAL: Final = re.compile(r"(?:(?P<count>\d+)\s*)?(?P<unit>[a-z]+?)s?")
_LENGTH: Final = re.compile(r"(?P<count>\d+)\s*(?P<unit>[a-z]*?)s?")
_TIME: Final = re.compile(r"(?P<hour>\d{1,2})(?::(?P<rest>\d\d(?::\d\d)?))?\s*(?P<half>am|pm)?")
_SPANS: Final = re.compile(r"\s+to\s+|\s*[-–]\s*")
_AND: Final = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*")
_DAY: Final = re.compile(
    r"(?P<last>last\s+)?(?P<day>today|tomorrow|yesterday|[a-z]+day|[a-z]{3})(?:\s+(?:at\s+)?(?P<time>.+))?"
)
_NEAR_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class UnclearTime(ValueError):
    """The text does not say which time it means. The message shows texts that work."""


class Rhythm(NamedTuple):
    """The parts of a schedule that a phrase means: of one kind only."""

    recurring: tuple[RecurringPart, ...] = ()
    weekly: tuple[WeeklyPart, ...] = ()


def rhythm(text: str) -> Rhythm:
    """Returns the parts of a schedule that runs every `text`. Raises UnclearTime."""
    phrase = " ".join(text.lower().split()).removeprefix("every ")
    match = _RHYTHM.fullmatch(phrase)
    times = [] if match is None or match["times"] is None else _AND.split(match["times"])
    what = phrase if match is None else match["what"]
    if (days := _days(what)) is not None:
        if not times:
            raise UnclearTime(f'at which time? For example: "{what} at 08:00".')
        return Rhythm(weekly=tuple(_weekly(day, each) for day in days for each in times))
    interval = _INTERVAL.fullmatch(what)
    unit = None if interval is None else _UNITS.get(interval["unit"])
    if interval is None or unit is None:
        raise UnclearTime(
            f'"{text}" is not understood. For example: "15 minutes", "day at 21:30", "monday and friday at 9am".'
        )
    if unit is Unit.DAYS and not times:
        raise UnclearTime(f'at which time? For example: "{what} at 08:00".')
    every = int(interval["count"] or 1)
    starts: list[str | None] = [clock(each) for each in times] or [None]
    return Rhythm(recurring=tuple(RecurringPart(unit=unit, every=every, start=start) for start in starts))


def length(text: str) -> int:
    """Returns the seconds in `30`, `5 min` or `2h`. Raises UnclearTime."""
    match = _LENGTH.fullmatch(text.strip().lower())
    unit = None if match is None else _UNITS.get(match["unit"] or "s")
    seconds = None if unit is None else unit.seconds or _LONG.get(unit)
    if match is None or seconds is None:
        raise UnclearTime(f'"{text}" is not a length of time. For example: "30 s", "5 min", "2 h".')
    return int(match["count"]) * seconds


def clock(text: str) -> str:
    """Returns `HH:MM` or `HH:MM:SS` of `21:30`, `9am`, `9:30 pm`, `noon`, `midnight`. Raises UnclearTime."""
    phrase = text.strip().lower()
    match = _TIME.fullmatch({"noon": "12:00", "midnight": "00:00"}.get(phrase, phrase))
    hour = 99 if match is None or not (match["rest"] or match["half"]) else int(match["hour"])
    if match is not None and match["half"]:
        hour = hour % 12 + (12 if match["half"] == "pm" else 0) if 1 <= hour <= 12 else 99
    if match is None or hour > 23:
        raise UnclearTime(f'"{text}" is not a time of day. For example: "21:30", "9am".')
    try:
        return time.fromisoformat(f"{hour:02}:{match['rest'] or '00'}").isoformat().removesuffix(":00")
    except ValueError:
        raise UnclearTime(f'"{text}" is not a time of day. For example: "21:30", "9am".') from None


def moment(text: str, zone: ZoneInfo, now: datetime) -> int:
    """Returns µs UTC of `2026-12-01 10:00`, `tomorrow 9am`, `friday at 18:00`, `in 2 hours`, `now`.

    And of what is past: `yesterday 18:00`, `last friday`, `2h ago`.

    A text without an offset is local time in `zone`. Raises UnclearTime.
    """
    phrase = " ".join(text.lower().split())
    if phrase == "now":
        return _micros(now)
    if phrase.startswith("in "):
        return _micros(now + timedelta(seconds=length(phrase[3:])))
    if phrase.endswith(" ago"):
        return _micros(now - timedelta(seconds=length(phrase[:-4])))
    today = now.astimezone(zone).date()
    if (match := _DAY.fullmatch(phrase)) and (day := _named_day(match["day"], today, is_past=bool(match["last"]))):
        at = clock(match["time"]) if match["time"] else "00:00"
        return _from_local(datetime.combine(day, time.fromisoformat(at)), zone)
    try:
        at_moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UnclearTime(
            f'"{text}" is not a moment. For example: "2026-12-01 10:00", "tomorrow 9am", "2h ago".'
        ) from None
    return _micros(at_moment) if at_moment.tzinfo is not None else _from_local(at_moment, zone)


def calendar_date(text: str) -> str:
    """Returns the ISO date in the text. Raises UnclearTime."""
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise UnclearTime(f'"{text}" is not a date. For example: "2026-12-24".')


def _days(what: str) -> list[int] | None:
    """Returns the days of the week that the text names, from Monday = 0; None when it names something else."""
    days = list[int]()
    for word in _AND.split(what):
        name = word.removesuffix("s")
        group = _GROUPS.get(name) or [n for n, day in enumerate(DAYS) if day == name or day[:3] == word]
        if not group:
            return None
        days += group
    return days


def _weekly(day: int, times: str) -> WeeklyPart:
    start, *stops = _SPANS.split(times)
    if len(stops) > 1:
        raise UnclearTime(f'"{times}" is not a span of time. For example: "08:00 to 17:00".')
    return WeeklyPart(day=day, start=clock(start), stop=clock(stops[0]) if stops else None)


def _named_day(word: str, today: date, *, is_past: bool) -> date | None:
    """Returns the date that the word means. A day of the week is the next one or, `is_past`, the last; never today."""
    if word in _NEAR_DAYS:
        return None if is_past else today + timedelta(days=_NEAR_DAYS[word])
    for number, day in enumerate(DAYS):
        if word in (day, day[:3]):
            if is_past:
                return today - timedelta(days=(today.weekday() - number - 1) % 7 + 1)
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    return None


def _from_local(local: datetime, zone: ZoneInfo) -> int:
    instant = instant_of(local, zone)
    if instant is None:
        raise AssertionError("only a schedule leaves a local time out")
    return instant


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1) * 1_000_000
