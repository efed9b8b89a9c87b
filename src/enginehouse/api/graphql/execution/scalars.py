"""Reads and writes the scalars of the contract (graphql-contract §1.8)."""

import re
from collections.abc import Callable
from typing import Any, Final

from ariadne import ScalarType
from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)
from graphql.pyutils import Undefined

from enginehouse.api.http.upload import Upload
from enginehouse.domain import times
from enginehouse.domain.errors import excerpt

_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_LARGEST: Final = (1 << 63) - 1


class Moment(int):
    """A moment (µs UTC) from a client. `last` is the last µs that it covers as an inclusive upper bound."""

    last: int


def read_moment(value: Any) -> Moment | None:
    """Returns the moment, None for the zero time. Raises GraphQLError, which names the allowed forms."""
    try:
        first, last = times.moment(value), times.upper_bound(value)
    except ValueError as error:
        raise GraphQLError(f"DateTime {excerpt(value)}: {error}") from None
    if first is None or last is None:
        return None
    moment = Moment(first)
    moment.last = last
    return moment


def write_moment(value: Any) -> str:
    """Returns the moment in ISO 8601 with milliseconds. A text is returned unchanged: its resolver has written it."""
    return value if isinstance(value, str) else times.graphql_millis(value)


def read_time(value: Any) -> str:
    """Returns the time of day unchanged. Raises GraphQLError."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return value
    raise GraphQLError(f"Time: HH:MM or HH:MM:SS (24 h), got {excerpt(value)}.")


def read_big(value: Any) -> int:
    """Returns a whole number of up to 64 bits, which may also be a text of digits. Raises GraphQLError."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    raise GraphQLError(f"BigInt: a whole number of up to 64 bits, got {excerpt(value)}.")


def read_upload(value: Any) -> Upload:
    """Returns the uploaded file.

    Raises GraphQLError, because only the part `file` of a multipart request can be a file.
    """
    if isinstance(value, Upload):
        return value
    raise GraphQLError("UploadedFile: send the file as the part `file` of a multipart/form-data request.")


def untyped(node: ValueNode, variables: dict[str, Any] | None) -> Any:
    """Returns the JSON value of a literal.

    A variable without a value is left out of an object, and is null in a list.
    """
    match node:
        case ListValueNode():
            items = (untyped(item, variables) for item in node.values)
            return [None if item is Undefined else item for item in items]
        case ObjectValueNode():
            pairs = ((entry.name.value, untyped(entry.value, variables)) for entry in node.fields)
            return {name: value for name, value in pairs if value is not Undefined}
        case VariableNode():
            return (variables or {}).get(node.name.value, Undefined)
    read = _READ.get(type(node))
    return read(getattr(node, "value", None)) if read else None


# An enum word is read as its text.
_READ: Final[dict[type, Callable[[Any], Any]]] = {
    IntValueNode: int,
    FloatValueNode: float,
    StringValueNode: str,
    BooleanValueNode: bool,
    EnumValueNode: str,
}


def _unchanged(value: Any) -> Any:
    return value


SCALARS: Final = [
    ScalarType("JSONData", serializer=_unchanged, value_parser=_unchanged, literal_parser=untyped),
    ScalarType("DateTime", serializer=write_moment, value_parser=read_moment),
    ScalarType("Time", value_parser=read_time),
    ScalarType("BigInt", serializer=_unchanged, value_parser=read_big),
    ScalarType("UploadedFile", value_parser=read_upload),
]
