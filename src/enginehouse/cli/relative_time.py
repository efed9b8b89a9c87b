"""Times of the server in words: `3 min ago`, `in 2 h`. The exact ones are in the JSON of every command."""

from datetime import UTC, datetime
from typing import Final

from enginehouse.domain import times

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_FAR: Final = 60 * _DAY  # from here on a date says more
_SKEW: Final = 3  # seconds that the clocks of two machines may differ without a word
_ALMOST: Final = 1.01  # what is set to be in 2 h is in 2 h a little later too
_UNITS: Final = ((_DAY, "day"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))


def ago(text: str | None, now: datetime | None = None) -> str | None:
    """Returns the time in words, seen from `now`; None for None, and a text that is no time as it is."""
    if not text:
        return None
    try:
        micros = times.moment(text)
    except times.DateTimeError:
        return text
    if micros is None:
        return text
    seconds = (now or datetime.now(UTC)).timestamp() - micros / times.SECOND
    if abs(seconds) < _SKEW:
        return "just now"
    if abs(seconds) >= _FAR:
        return text[:10]
    return f"{_length(seconds)} ago" if seconds > 0 else f"in {_length(-seconds * _ALMOST)}"


def with_words(text: str | None) -> str | None:
    """Returns the exact time, and the same in words."""
    return None if text is None else f"{text} ({ago(text)})"


def took(start: str | None, end: str | None) -> str | None:
    """Returns how long it was from one time to the other; None if one of them is not known."""
    if not start or not end:
        return None
    first, last = times.moment(start), times.moment(end)
    if first is None or last is None:
        return None
    seconds = max(0, last - first) / times.SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else _two_units(int(seconds))


def _length(seconds: float) -> str:
    size, word = next((size, word) for size, word in _UNITS if seconds >= size)
    count = int(seconds // size)
    return f"{count} {word}{'s' if word == 'day' and count != 1 else ''}"


def _two_units(seconds: int) -> str:
    """Returns the length in its two largest units: `2 h 5 min`."""
    parts = []
    for size, word in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {word}{'s' if word == 'day' and count != 1 else ''}")
    return " ".join(parts[:2])
