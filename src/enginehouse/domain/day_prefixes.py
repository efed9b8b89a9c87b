"""The first nine characters of the GraphQL ids of jobs: the day, as year, month, ISO week and day, and `_`."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

LAST_DAY: Final = (1 << 16) - 1  # since 1970-01-01: in the year 2149
_EPOCH: Final = date(1970, 1, 1)


@lru_cache(maxsize=4096)
def prefix(day: int) -> str:
    """Returns the prefix of the ids of this day, counted since 1970-01-01."""
    moment = _EPOCH + timedelta(days=day)
    return f"{moment:%y%m}{moment.isocalendar().week:02}{moment:%d}_"


@lru_cache(maxsize=4096)
def days(text: str) -> tuple[int, ...]:
    """Returns the days that this prefix can mean. A two-digit year means one or two; the caller's check decides."""
    digits = text[:8]
    if not (digits.isascii() and digits.isdigit()):
        return ()
    candidates = _candidates(int(digits[:2]), int(digits[2:4]), int(digits[6:]))
    return tuple(day for day in candidates if prefix(day) == text)


def _candidates(year: int, month: int, day_of_month: int) -> Iterator[int]:
    for full_year in (1900 + year, 2000 + year, 2100 + year):
        try:
            day = (date(full_year, month, day_of_month) - _EPOCH).days
        except ValueError:
            continue
        if 0 <= day <= LAST_DAY:
            yield day
