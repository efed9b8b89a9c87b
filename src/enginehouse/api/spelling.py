"""Values that all interfaces read and write in the same way: absent values, moments, and JSON as text."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec

from enginehouse.domain import times
from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.jsontext import JsonTextError, read_json

V = TypeVar("V")
W = TypeVar("W")

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
DateTime = str | int | float  # a moment as a client writes it

_encode: Final = msgspec.json.Encoder().encode


def optional(function: Callable[[V], W], value: V | None) -> W | None:
    """Returns the function's result for the value, None if there is no value."""
    return None if value is None else function(value)


def json_text(value: Any) -> str:
    """Returns the value as JSON text without spaces."""
    return _encode(value).decode()


def read_json_text(text: str | None, path: str, problems: list[Problem]) -> Any:
    """Returns the value of a text that is JSON; None for no text. What is no JSON is a problem at `path`."""
    if not text:
        return None
    try:
        return read_json(text)
    except JsonTextError as fault:
        problems.append(Problem(path, str(fault)))
        return None


def read_moment(written: DateTime | None, path: str, problems: list[Problem]) -> int | None:
    """Returns the moment in µs. Anything else is a problem at `path`, and None."""
    try:
        return times.moment(written)
    except times.DateTimeError as fault:
        problems.append(Problem(path, str(fault), excerpt(written)))
        return None
