"""The input objects of the GraphQL contract as structs, for the bodies of `/api/v1` that have the same fields.

A struct accepts more than its input object: an enum word and a time of day may be any text, and defaults of the
contract are not set. The operations check those, so that one response names all problems.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import GenericAlias
from typing import Any, Final

import msgspec
from graphql import (
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    TypeNode,
    parse,
)
from msgspec import UNSET, UnsetType

from enginehouse.api.spelling import DateTime, Int32, read_moment
from enginehouse.domain.errors import Problem

_MOMENT: Final = "DateTime"
_SCALARS: Final[dict[str, Any]] = {
    "String": str,
    "ID": str,
    "Time": str,
    "Boolean": bool,
    "Int": Int32,
    "JSONData": Any,
    _MOMENT: DateTime,
}


def struct(name: str, *, without: Collection[str] = (), types: Mapping[str, Any] | None = None) -> type[msgspec.Struct]:
    """Returns the input object `name` as a struct. An absent field is UNSET, which differs from null.

    `types` has the fields, named `Input.field`, whose type here differs from the contract.
    """
    fields = [_field(name, each, types or {}) for each in _fields(name) if each.name.value not in without]
    return msgspec.defstruct(name, fields, kw_only=True)


def fields(name: str) -> list[tuple[str, str]]:
    """Returns the fields of the input object with their types, or the types of their items. No other type has any."""
    return [(each.name.value, _named(each.type)) for each in _fields(name)] if name in _inputs() else []


def plain(name: str, body: msgspec.Struct, problems: list[Problem]) -> dict[str, Any]:
    """Returns the fields of the struct as GraphQL reads them, with moments in µs.

    An invalid moment is a problem and absent.
    """
    fields: dict[str, Any] = msgspec.to_builtins(body)
    _read_moments(name, fields, "", problems)
    return fields


def _read_moments(name: str, fields: dict[str, Any], prefix: str, problems: list[Problem]) -> None:
    for field in _fields(name):
        key, kind = field.name.value, _named(field.type)
        path, value = prefix + key, fields.get(key)
        match value:
            case None:
                continue
            case list() if kind in _inputs():
                for number, item in enumerate(value):
                    _read_moments(kind, item, f"{path}[{number}].", problems)
            case dict() if kind in _inputs():
                _read_moments(kind, value, f"{path}.", problems)
            case _ if kind == _MOMENT:
                before = len(problems)
                fields[key] = read_moment(value, path, problems)
                if len(problems) > before:
                    del fields[key]


@cache
def _inputs() -> dict[str, InputObjectTypeDefinitionNode]:
    text = files("enginehouse.api.graphql").joinpath("schema.graphql").read_text()
    definitions = parse(text, no_location=True).definitions
    return {each.name.value: each for each in definitions if isinstance(each, InputObjectTypeDefinitionNode)}


def _fields(name: str) -> Sequence[InputValueDefinitionNode]:
    return _inputs()[name].fields or ()


def _field(owner: str, field: InputValueDefinitionNode, types: Mapping[str, Any]) -> Any:
    name = field.name.value
    type_ = types.get(f"{owner}.{name}") or _type(field.type, types)
    return (name, type_) if isinstance(field.type, NonNullTypeNode) else (name, type_ | UnsetType | None, UNSET)


def _type(node: TypeNode, types: Mapping[str, Any]) -> Any:
    match node:
        case NonNullTypeNode():
            return _type(node.type, types)
        case ListTypeNode():
            return GenericAlias(list, (_type(node.type, types),))
    name = _named(node)
    return struct(name, types=types) if name in _inputs() else _SCALARS.get(name, str)


def _named(node: TypeNode) -> str:
    """Returns the name of the type, or of the items of the list."""
    match node:
        case NonNullTypeNode() | ListTypeNode():
            return _named(node.type)
        case NamedTypeNode():
            return node.name.value
    raise AssertionError(f"no type of an input: {node}")
