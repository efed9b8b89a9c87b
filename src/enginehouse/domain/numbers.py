"""Which numbers of a request can be given to every engine exactly: those that fit into 64 bits."""

from decimal import Decimal
from math import isfinite
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import Problem, excerpt

_LONGEST: Final = 400  # characters
_DIGITS: Final = 17  # with so many a program prints a float that is read back unchanged
_INTEGERS: Final = range(-(1 << 63), 1 << 64)
_pack: Final = msgspec.msgpack.Encoder().encode


class InexactNumber(ValueError):
    """The text is a number that no 64-bit float is. `text` is the number."""

    def __init__(self, text: str) -> None:
        super().__init__(unfit(text))
        self.text = text


def unfit(number: str) -> str:
    """Returns the problem of a number, as the beginning of a sentence about it."""
    shown = number if len(number) <= 40 else f"{number[:37]}…"
    return f"{shown} does not fit into 64 bits exactly; send it as a string."


def exact_float(text: str) -> float:
    """Returns the value of a JSON number with a point or an exponent. Raises InexactNumber.

    The result is the nearest float, if there are no more digits than a program prints for a float. A whole
    number is not rounded, and no number becomes infinite or zero.
    """
    if len(text) > _LONGEST:
        raise InexactNumber(text)
    value = float(text)
    if not isfinite(value):
        raise InexactNumber(text)
    if repr(value) == text:
        return value
    exact = Decimal(text)
    if value == 0 and exact != 0:
        raise InexactNumber(text)
    if exact in (Decimal(repr(value)), Decimal(value)):
        return value
    digits = "".join(map(str, exact.as_tuple().digits)).rstrip("0")
    if len(digits) > _DIGITS or (abs(exact) < 10**_DIGITS and exact == exact.to_integral_value()):
        raise InexactNumber(text)
    return value


def is_exact(text: str) -> bool:
    """Returns True if the JSON number with a point or an exponent is read without a change."""
    try:
        exact_float(text)
    except InexactNumber:
        return False
    return True


def problems(value: Any, path: str) -> list[Problem]:
    """Returns the numbers of a JSON value that do not fit, each with its path below `path`."""
    try:
        _pack(value)
    except OverflowError:
        return list(_large(value, path))
    except (TypeError, ValueError, RecursionError):
        pass
    return []


def _large(value: Any, path: str) -> "list[Problem]":
    match value:
        case int() if value not in _INTEGERS:
            return [Problem(path, unfit(excerpt(value)), excerpt(value))]
        case list():
            return [problem for index, item in enumerate(value) for problem in _large(item, f"{path}[{index}]")]
        case dict():
            return [problem for key, item in value.items() for problem in _large(item, f"{path}.{key}")]
    return []
