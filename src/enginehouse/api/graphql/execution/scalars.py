"""How the contract's own scalars are read and written (graphql-contract §1.8)."""

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

from enginehouse.api.graphql.execution.upload import Upload
from enginehouse.domain import times
from enginehouse.domain.errors import excerpt

_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_LARGEST: Final = (1 << 63) - 1


class Moment(int):
    """A moment (µs UTC) that a client wrote; `last` is the last µs it covers as an inclusive upper bound."""

    last: int


def read_moment(value: Any) -> Moment | None:
    """The moment, None for the zero time. Raises GraphQLError naming the forms that are read."""
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
    """ISO 8601 with milliseconds. Text was written by its resolver already."""
    return value if isinstance(value, str) else times.graphql_millis(value)


def read_time(value: Any) -> str:
    """The time of day as it was written. Raises GraphQLError."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        return value
    raise GraphQLError(f"Time: HH:MM or HH:MM:SS (24 h), got {excerpt(value)}.")


def read_big(value: Any) -> int:
    """A whole number of up to 64 bits, also written as digits. Raises GraphQLError."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    raise GraphQLError(f"BigInt: a whole number of up to 64 bits, got {excerpt(value)}.")


def read_upload(value: Any) -> Upload:
    """The uploaded file. Raises GraphQLError: a file comes as the `file` part of a multipart request only."""
    if isinstance(value, Upload):
        return value
    raise GraphQLError("UploadedFile: send the file as the part `file` of a multipart/form-data request.")


def untyped(node: ValueNode, variables: dict[str, Any] | None) -> Any:
    """The JSON that a literal stands for. A variable without a value is left out of an object, and null in a list."""
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


# An enum word is its own text.
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
