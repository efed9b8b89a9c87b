"""Reads times in every form that a client may send, and writes them in the forms of the two interfaces.

Internally a time is always microseconds since 1970 in UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
_MILLISECOND: Final = 1000

# Smaller numbers are Unix seconds; this number and larger ones are milliseconds (graphql-contract §1.8).
_FIRST_MILLISECOND: Final = 10**11
_END_OF_TIME: Final = 253_402_300_800  # seconds: the year 10000
LAST_MOMENT: Final = _END_OF_TIME * SECOND - 1  # no time that is read, kept or written is later
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Go's zero time. Clients send it to mean "not set" (rest-contract §1.7).
_ZERO_TIME: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)

FIRST_MOMENT: Final = _ZERO_TIME  # and none is earlier

_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_ISO: Final = re.compile(
    r"(?P<date>[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}))"
    r"(?:[Tt ](?P<clock>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2})?|[0-9]{2}(?:[0-9]{2})?))(?:[.,](?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
# What JavaScript writes for a date: `Wed Dec 18 2019 10:00:00 GMT+0000 (Coordinated Universal Time)`, and in UTC
# `Wed, 18 Dec 2019 10:00:00 GMT`. The weekday and the name of the zone say nothing more, and are not compared.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = "|".join(_MONTHS)
_WEEKDAY: Final = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK: Final = r"(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})"
_JAVASCRIPT: Final = (
    re.compile(
        rf"{_WEEKDAY} (?P<month>{_MONTH}) (?P<date>[0-9]{{2}}) (?P<year>[0-9]{{4}}) {_CLOCK} "
        r"(?:GMT|UTC)(?P<zone>[+-][0-9]{2}:?[0-9]{2})?(?: \([^()]{1,100}\))?"
    ),
    re.compile(
        rf"{_WEEKDAY}, (?P<date>[0-9]{{2}}) (?P<month>{_MONTH}) (?P<year>[0-9]{{4}}) {_CLOCK} (?:GMT|UTC)(?P<zone>)"
    ),
)


class DateTimeError(ValueError):
    """The value is not a time. The text names the forms that are allowed."""

    def __init__(self) -> None:
        super().__init__("not a valid date-time (ISO 8601, Unix seconds or milliseconds).")


def moment(value: object) -> int | None:
    """Returns the time (µs UTC) of ISO 8601 text, or of Unix seconds or milliseconds as a number or as digits.

    It also reads the text that JavaScript makes of a date, which clients send that do not choose a form.
    Text without a zone is UTC; nanoseconds are cut to microseconds. Returns None for None, for empty text, and for
    `0001-01-01T00:00:00Z`. Raises DateTimeError for everything else. (graphql-contract §1.8, rest-contract §1.7)
    """
    return _read(value)[0]


def upper_bound(value: object) -> int | None:
    """Returns the last µs within an inclusive upper bound, which covers the unit in which it is written.

    A time without a fraction covers its second, one with three digits or a number of milliseconds its millisecond. So a
    time that an interface shows, cut to its unit, includes the object that has it. Raises DateTimeError as `moment`.
    """
    micros, unit = _read(value)
    return None if micros is None else micros + unit - 1


def graphql_millis(micros: int) -> str:
    """`2018-01-01T10:00:00.123Z`: GraphQL's form. The rest of the millisecond is cut off."""
    seconds, rest = divmod(micros, SECOND)
    return f"{_second(seconds)}.{rest // 1000:03}Z"


def rest(micros: int) -> str:
    """RFC 3339 with `Z`; with a fraction, to the microsecond, only if there is one."""
    seconds, fraction = divmod(micros, SECOND)
    return f"{_second(seconds)}.{fraction:06}Z" if fraction else _second(seconds) + "Z"


def unix_seconds(micros: int) -> int:
    """Whole Unix seconds: REST's form for the creation time of outputs."""
    return micros // SECOND


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def _read(value: object) -> tuple[int | None, int]:
    """Returns the time, and the unit in which it is written, in µs."""
    match value:
        case None | "":
            return None, SECOND
        case bool():
            raise DateTimeError
        case int() | float():
            return _from_number(value)
        case str() if _DIGITS.fullmatch(value):
            return _from_number(int(value))
        case str() if found := _ISO.fullmatch(value):
            return _from_text(*found.group("date", "clock", "fraction", "zone"))
        case str() if found := _JAVASCRIPT[0].fullmatch(value) or _JAVASCRIPT[1].fullmatch(value):
            year, month, date, clock, zone = found.group("year", "month", "date", "clock", "zone")
            return _from_text(f"{year}{_MONTHS.index(month) + 1:02}{date}", clock, None, zone)
    raise DateTimeError


def _from_number(value: int | float) -> tuple[int, int]:
    if not 0 <= value < _END_OF_TIME * 1000:  # also false for NaN
        raise DateTimeError
    if value < _FIRST_MILLISECOND:
        return round(value * SECOND), SECOND if value == int(value) else 1
    return round(value * 1000), _MILLISECOND if value == int(value) else 1


def _from_text(day: str, clock: str | None, fraction: str | None, zone: str | None) -> tuple[int | None, int]:
    digits = (day + (clock or "")).replace("-", "").replace(":", "").ljust(14, "0")
    if fraction is not None and len((clock or "").replace(":", "")) != 6:
        raise DateTimeError
    try:
        year, month, date, hour, minute, second = int(digits[:4]), *[int(digits[at : at + 2]) for at in range(4, 14, 2)]
        written = datetime(year, month, date, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise DateTimeError from None
    micros = (written - _EPOCH) // timedelta(microseconds=1) + int((fraction or "").ljust(6, "0")[:6])
    micros -= _offset_seconds(zone) * SECOND
    if micros == _ZERO_TIME:
        return None, SECOND
    if not _ZERO_TIME <= micros < _END_OF_TIME * SECOND:
        raise DateTimeError
    return micros, 10 ** (6 - min(6, len(fraction or "")))


def _offset_seconds(zone: str | None) -> int:
    if not zone or zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise DateTimeError
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
