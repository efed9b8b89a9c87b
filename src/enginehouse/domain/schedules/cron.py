"""Cron lines: what their fields mean, and what in them can never happen as it is written. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cronsim import CronSim
from cronsim.cronsim import DAYS_IN_MONTH, SYMBOLIC_DAYS, SYMBOLIC_MONTHS, CronSimError, Field

from enginehouse.domain.errors import excerpt
from enginehouse.domain.schedules.timing import EPOCH

# Each field with its allowed values, as messages write them.
FIELDS: Final = (
    ("minute", "0–59"), ("hour", "0–23"), ("day of the month", "1–31 or L"), ("month", "1–12 or JAN–DEC"),
    ("day of the week", "0–7 or SUN–SAT"),
)  # fmt: skip
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_RANGE: Final = re.compile(r"(\w+)-(\w+)(/\d+)?")
_STEP: Final = re.compile(r"(\*|\w+|\w+-\w+)/(\d+)")


@lru_cache(maxsize=1024)
def follows_elapsed_time(line: str) -> bool:
    """Returns True for a cron line that runs in every hour, or in every few: clock changes do not move or stop it."""
    hour = line.split()[-4]
    return hour.startswith("*") or len(CronSim(line, EPOCH).hours) == len(range(24))


def field_fault(number: int, text: str) -> str | None:
    """Returns what is wrong with the text of a field, numbered from 1; None if it is valid."""
    name, allowed = FIELDS[number - 1]
    fields = ["*"] * 5
    fields[number - 1] = text
    try:
        CronSim(" ".join(fields), EPOCH)
    except CronSimError:
        backwards = next(_backwards(number, text), None)
        return f"field {number} ({name}): {backwards or f'{excerpt(text)} is not {allowed}.'}"
    return None


def _backwards(number: int, text: str) -> Iterator[str]:
    """Yields what is wrong with each range whose first value is after its last."""
    least, most = _BOUNDS[number - 1]
    for term in text.upper().split(","):
        if (match := _RANGE.fullmatch(term)) is None:
            continue
        first, last = (_value(number, each) for each in match.groups()[:2])
        if first is None or last is None or first <= last:
            continue
        runs = "" if match[3] else f" Write {_joined(first, most)},{_joined(least, last)}."
        yield f"the range {excerpt(term)} runs backwards: {match[1]} is after {match[2]}.{runs}"


def _value(number: int, text: str) -> int | None:
    try:
        return Field(number).int(text)
    except CronSimError:
        return None


def _joined(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def warnings(line: str) -> list[str]:
    """Returns what a reader of the cron line may not expect: steps, impossible days, and two fields for the day."""
    fields = line.upper().split()[-5:]
    found = [each for number, text in enumerate(fields, 1) for each in _steps(number, text)]
    found += _impossible_days(fields)
    day, weekday = fields[2], fields[4]
    if day != "*" and weekday != "*":
        both = CronSim(line, EPOCH).day_and
        rule = "only on a day that matches both" if both else "on each day that matches one of them"
        found.append(f'cron: day of the month "{day}" beside day of the week "{weekday}": it runs {rule}.')
    return found


def _steps(number: int, text: str) -> Iterator[str]:
    """Yields a warning for each step that is larger than what it counts through."""
    name, _ = FIELDS[number - 1]
    for term in text.split(","):
        if (match := _STEP.fullmatch(term)) is None:
            continue
        values = sorted(value for value in Field(number).parse(match[1]) if isinstance(value, int))
        most = _BOUNDS[number - 1][1]
        size = most - values[0] + 1 if len(values) == 1 else len([value for value in values if value <= most])
        if int(match[2]) > size:
            yield (
                f"cron field {number} ({name}): the step of {excerpt(term)} is larger than the field; "
                f"it runs at {_named(number, values[0])} only."
            )


def _impossible_days(fields: list[str]) -> list[str]:
    """Warns about days that none of the months has."""
    days = {value for value in Field.DAY.parse(fields[2]) if isinstance(value, int)}
    months = [value for value in Field.MONTH.parse(fields[3]) if isinstance(value, int)]
    longest = max(DAYS_IN_MONTH[month] for month in months)
    missing = [str(day) for day in sorted(days) if day > longest]
    if fields[2] == "*" or not missing:
        return []
    verb = "does" if len(missing) == 1 else "do"
    return [f"cron field 3 (day of the month): {' and '.join(missing)} {verb} not exist in the months of the line."]


def _named(number: int, value: int) -> str:
    match Field(number):
        case Field.MONTH:
            return SYMBOLIC_MONTHS[value - 1]
        case Field.DOW:
            return SYMBOLIC_DAYS[value % 7]
        case _:
            return str(value)
