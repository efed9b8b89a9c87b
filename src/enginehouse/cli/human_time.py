"""Times as people write them on the command line, in the fields of the interface; and this machine's time zone."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from enginehouse.client import Json
from enginehouse.domain import times
from enginehouse.domain.schedules import human_time
from enginehouse.domain.schedules.human_time import UnclearTime
from enginehouse.domain.schedules.request import RecurringPart, WeeklyPart
from enginehouse.domain.schedules.zones import zone_names, zone_of


def rhythm(text: str) -> Json:
    """Returns the parts of a schedule that runs every `text`. Raises UnclearTime."""
    parts = human_time.rhythm(text)
    if parts.weekly:
        return {"weeklyScheduleParts": [_weekly(part) for part in parts.weekly]}
    return {"recurringScheduleParts": [_recurring(part) for part in parts.recurring]}


def moment(text: str, zone: ZoneInfo, now: datetime) -> str:
    """Returns RFC 3339 of a moment. Raises UnclearTime."""
    return times.rest(human_time.moment(text, zone, now))


class MomentType(click.ParamType[str]):
    """The type of an option that takes a moment: ISO 8601, Unix seconds, or words like `yesterday` and `2h ago`.

    Its value is what the server reads. A text without an offset is local time.
    """

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the moment as the server reads it; an exact text stays as it is, with the unit it is written in."""
        text = value.strip()
        if text.isdecimal():
            return text
        try:
            exact = datetime.fromisoformat(text)
        except ValueError:
            return self._of_words(text, param, ctx)
        if exact.tzinfo is not None:
            return text
        return exact.replace(tzinfo=zone_of(local_zone())).astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _of_words(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return moment(text, zone_of(local_zone()), datetime.now(UTC))
        except UnclearTime as unclear:
            self.fail(str(unclear), param, ctx)


class LengthType(click.ParamType[int]):
    """The type of an option that takes a length of time: seconds, or `5 min`. Its value is in seconds."""

    name = "length"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Returns the seconds."""
        try:
            return human_time.length(str(value))
        except UnclearTime as unclear:
            self.fail(str(unclear), param, ctx)


MOMENT: Final = MomentType()
LENGTH: Final = LengthType()


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
