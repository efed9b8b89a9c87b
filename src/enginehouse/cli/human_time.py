"""Times as people write them: `2 hours`, `day at 21:30`, `monday and friday at 9am`, `tomorrow 18:00`. Pure."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from enginehouse.domain.schedules.calendar import instant_of
from enginehouse.domain.schedules.timing import Unit
from enginehouse.domain.schedules.zones import zone_names
from enginehouse.domain.times import rest

Json = dict[str, Any]

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_GROUPS: Final = {"weekday": DAYS[:5], "weekend": DAYS[5:]}
_UNITS: Final = {
    "s": Unit.SECONDS, "sec": Unit.SECONDS, "second": Unit.SECONDS,
    "min": Unit.MINUTES, "minute": Unit.MINUTES, "h": Unit.HOURS, "hour": Unit.HOURS,
    "d": Unit.DAYS, "day": Unit.DAYS, "week": Unit.WEEKS, "month": Unit.MONTHS,
}  # fmt: skip
_LONG: Final = {Unit.DAYS: 86_400, Unit.WEEKS: 7 * 86_400}
_RHYTHM: Final = re.compile(r"(?P<what>.+?)(?:\s+at\s+(?P<times>.+))?", re.IGNORECASE)
_COUNTED: Final = re.compile(r"(?:(?P<count>\d+)\s*)?(?P<unit>[a-z]+?)s?")
_LENGTH: Final = re.compile(r"(?P<count>\d+)\s*(?P<unit>[a-z]*?)s?")
_TIME: Final = re.compile(r"(?P<hour>\d{1,2})(?::(?P<rest>\d\d(?::\d\d)?))?\s*(?P<half>am|pm)?")
_SPANS: Final = re.compile(r"\s+to\s+|\s*[-–]\s*")
_AND: Final = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*")
_DAY: Final = re.compile(r"(?P<day>today|tomorrow|[a-z]+day|[a-z]{3})(?:\s+(?:at\s+)?(?P<time>.+))?")
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class UnclearTime(ValueError):
    """The text is no time that is understood; the message says what is."""


def rhythm(text: str) -> Json:
    """The parts of a schedule that runs every `text`, in the fields of the interface. Raises UnclearTime."""
    said = " ".join(text.lower().split()).removeprefix("every ")
    found = _RHYTHM.fullmatch(said)
    times = [] if found is None or found["times"] is None else _AND.split(found["times"])
    what = said if found is None else found["what"]
    if (days := _days(what)) is not None:
        if not times:
            raise UnclearTime(f'at which time? For example: "{what} at 08:00".')
        return {"weeklyScheduleParts": [_weekly(day, each) for day in days for each in times]}
    counted = _COUNTED.fullmatch(what)
    unit = None if counted is None else _UNITS.get(counted["unit"])
    if counted is None or unit is None:
        raise UnclearTime(
            f'"{text}" is not understood. For example: "15 minutes", "day at 21:30", "monday and friday at 9am".'
        )
    if unit is Unit.DAYS and not times:
        raise UnclearTime(f'at which time? For example: "{what} at 08:00".')
    part = {"repeatInterval": int(counted["count"] or 1), "repeatIntervalUnit": unit.value.capitalize()}
    return {"recurringScheduleParts": [part | {"startTime": clock(each)} for each in times] or [part]}


def length(text: str) -> int:
    """The seconds in `30`, `5 min` or `2h`. Raises UnclearTime."""
    found = _LENGTH.fullmatch(text.strip().lower())
    unit = None if found is None else _UNITS.get(found["unit"] or "s")
    seconds = None if unit is None else unit.seconds or _LONG.get(unit)
    if found is None or seconds is None:
        raise UnclearTime(f'"{text}" is no length of time. For example: "30 s", "5 min", "2 h".')
    return int(found["count"]) * seconds


def clock(text: str) -> str:
    """`HH:MM` or `HH:MM:SS` of `21:30`, `9am`, `9:30 pm`, `noon`, `midnight`. Raises UnclearTime."""
    said = {"noon": "12:00", "midnight": "00:00"}.get(text.strip().lower(), text.strip().lower())
    found = _TIME.fullmatch(said)
    hour = 99 if found is None or not (found["rest"] or found["half"]) else int(found["hour"])
    if found is not None and found["half"]:
        hour = hour % 12 + (12 if found["half"] == "pm" else 0) if 1 <= hour <= 12 else 99
    if found is None or hour > 23:
        raise UnclearTime(f'"{text}" is no time of day. For example: "21:30", "9am".')
    try:
        return time.fromisoformat(f"{hour:02}:{found['rest'] or '00'}").isoformat().removesuffix(":00")
    except ValueError:
        raise UnclearTime(f'"{text}" is no time of day. For example: "21:30", "9am".') from None


def moment(text: str, zone: ZoneInfo, now: datetime) -> str:
    """RFC 3339 of `2026-12-01 10:00`, `tomorrow 9am`, `friday at 18:00`, `in 2 hours`, `now`. Raises UnclearTime.

    What says no offset is local time in `zone`.
    """
    said = " ".join(text.lower().split())
    if said == "now":
        return _written(now)
    if said.startswith("in "):
        return _written(now + timedelta(seconds=length(said[3:])))
    if (found := _DAY.fullmatch(said)) and (day := _named_day(found["day"], now.astimezone(zone).date())):
        at = clock(found["time"]) if found["time"] else "00:00"
        return _local(datetime.combine(day, time.fromisoformat(at)), zone)
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UnclearTime(
            f'"{text}" is no moment. For example: "2026-12-01 10:00", "tomorrow 9am", "in 2 hours".'
        ) from None
    return _written(given) if given.tzinfo is not None else _local(given, zone)


def excluded(text: str) -> str:
    """The date as it is sent. Raises UnclearTime."""
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise UnclearTime(f'"{text}" is no date. For example: "2026-12-24".')


def local_zone() -> str:
    """The IANA name of this machine's time zone, UTC where it has none."""
    for name in _names_of_here():
        if name in zone_names():
            return name
    return "UTC"


def _names_of_here() -> Iterator[str]:
    yield os.environ.get("TZ", "").removeprefix(":")
    yield str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]


def _days(what: str) -> list[str] | None:
    """The days of the week that are named, None where something else is."""
    found = list[str]()
    for word in _AND.split(what):
        named = word.removesuffix("s")
        match = _GROUPS.get(named) or [day for day in DAYS if day.lower() == named or day[:3].lower() == word]
        if not match:
            return None
        found += match
    return found


def _weekly(day: str, times: str) -> Json:
    start, *rest_ = _SPANS.split(times)
    if len(rest_) > 1:
        raise UnclearTime(f'"{times}" is no span of time. For example: "08:00 to 17:00".')
    part = {"scheduledDay": day, "startTime": clock(start)}
    return part | {"stopTime": clock(rest_[0])} if rest_ else part


def _named_day(word: str, today: date) -> date | None:
    """The date that is meant: a day of the week is the next one, never today."""
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    for number, day in enumerate(DAYS):
        if word in (day.lower(), day[:3].lower()):
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    return None


def _local(local: datetime, zone: ZoneInfo) -> str:
    instant = instant_of(local, zone)
    if instant is None:
        raise AssertionError("only a schedule leaves a local time out")
    return rest(instant)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
