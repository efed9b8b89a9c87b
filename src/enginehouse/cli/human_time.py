"""Times as people write them on the command line, in the fields of the interface; and this machine's time zone."""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from enginehouse.client import Json
from enginehouse.domain import times
from enginehouse.domain.schedules import human_time
from enginehouse.domain.schedules.request import RecurringPart, WeeklyPart
from enginehouse.domain.schedules.zones import zone_names


def rhythm(text: str) -> Json:
    """Returns the parts of a schedule that runs every `text`. Raises UnclearTime."""
    parts = human_time.rhythm(text)
    if parts.weekly:
        return {"weeklyScheduleParts": [_weekly(part) for part in parts.weekly]}
    return {"recurringScheduleParts": [_recurring(part) for part in parts.recurring]}


def moment(text: str, zone: ZoneInfo, now: datetime) -> str:
    """Returns RFC 3339 of a moment. Raises UnclearTime."""
    return times.rest(human_time.moment(text, zone, now))


def local_zone() -> str:
    """Returns the IANA name of this machine's time zone, UTC when it has none."""
    names = (
        os.environ.get("TZ", "").removeprefix(":"),
        str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2],
    )
    return next((name for name in names if name in zone_names()), "UTC")


def _recurring(part: RecurringPart) -> Json:
    fields = {"repeatInterval": part.every, "repeatIntervalUnit": part.unit.value.capitalize()}
    return fields if part.start is None else fields | {"startTime": part.start}


def _weekly(part: WeeklyPart) -> Json:
    fields: Json = {"startTime": part.start}
    if part.day is not None:
        fields["scheduledDay"] = human_time.DAYS[part.day].capitalize()
    return fields if part.stop is None else fields | {"stopTime": part.stop}
