"""The header Range: the bytes of a file that a client requests."""

from typing import Final

MOST: Final = 100  # the response to a request for more ranges has all bytes


class MalformedError(Exception):
    """The header is not a request for bytes."""


class UnsatisfiableError(Exception):
    """A range begins after the end."""


def ranges(header: str, size: int) -> list[tuple[int, int]]:
    """Returns the ranges as (start, stop), in order, none for everything. Ranges that touch are one.

    Raises MalformedError, UnsatisfiableError.
    """
    unit, equals, text = header.partition("=")
    if not equals:
        raise MalformedError("Malformed range header.")
    if unit.strip().lower() != "bytes":
        raise MalformedError("Only support bytes range")
    if text.count(",") >= MOST:
        return []
    found = [part for part in (_range(one.strip(), size) for one in text.split(",")) if part is not None]
    if not found:
        raise MalformedError("Range header: range must be requested")
    if any(not 0 <= start < size for start, _ in found):
        raise UnsatisfiableError
    if any(start >= stop for start, stop in found):
        raise MalformedError("Range header: start must be less than end")
    return _merged(found)


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Returns one range, None for a text that is not a range and is ignored. Without a start it is the last bytes."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash or not (first or last):
        return None
    try:
        start = int(first) if first else max(size - int(last), 0)
        stop = int(last) + 1 if first and last and int(last) < size else size
    except ValueError:
        return None
    return start, stop


def _merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
