"""The names of REST fields, the other spellings that it accepts, and the fields that it ignores on input."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect

from enginehouse.wire.casing import spelled

__all__ = ["alternatives", "known", "respelled", "spelled", "unknown"]

_WHOLE: Final[dict[type, tuple[type, ...]]] = {
    dict: (inspect.StructType,),
    list: (inspect.ListType, inspect.VarTupleType),
}


def alternatives(wanted: Any) -> dict[str, str]:
    """Returns the right name for the other casing of each field of `wanted` (and its objects) that ends in ID or Id.

    The published interface mixes both casings, and its clients do too (rest-contract §1.6).
    """
    names = set(_names(inspect.type_info(wanted)))
    return {other: name for name in names if (other := _other(name)) is not None and other not in names}


def respelled(value: Any, other: dict[str, str]) -> Any:
    """Returns the JSON value with the keys in `other` replaced. A key that already has the right casing wins."""
    match value:
        case list():
            return [respelled(item, other) for item in value]
        case dict():
            return {
                other.get(k, k): respelled(v, other)
                for k, v in value.items()
                if other.get(k, k) == k or other[k] not in value
            }
        case _:
            return value


def unknown(wanted: Any, value: Any) -> list[str]:
    """Returns the paths of the fields in the JSON value that the struct `wanted` and the structs in it do not have."""
    return sorted(_unknown(inspect.type_info(wanted), value, ""))


def _unknown(wanted: inspect.Type, value: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, inspect.ListType) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(wanted.item_type, item, f"{path.removesuffix('.')}[{number}].")
    if not isinstance(wanted, inspect.StructType) or not isinstance(value, dict):
        return
    fields = {one.encode_name: one.type for one in wanted.fields}
    for name, item in value.items():
        if name in fields:
            yield from _unknown(fields[name], item, f"{path}{name}.")
        else:
            yield path + name


def known(wanted: Any, value: Any) -> Any:
    """Returns the JSON value without the fields that the objects in `wanted` do not have."""
    return _known(inspect.type_info(wanted), value)


def _known(wanted: inspect.Type, value: Any) -> Any:
    match wanted:
        case inspect.Metadata():
            return _known(wanted.type, value)
        case inspect.StructType() if isinstance(value, dict):
            fields = {one.encode_name: one.type for one in wanted.fields}
            return {name: _known(fields[name], item) for name, item in value.items() if name in fields}
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            return [_known(wanted.item_type, item) for item in value]
        case inspect.UnionType():
            whole = (
                [one for one in wanted.types if isinstance(one, _WHOLE[type(value)])] if type(value) in _WHOLE else []
            )
            return _known(whole[0], value) if whole else value
        case _:
            return value


def _other(name: str) -> str | None:
    if name.endswith("ID"):
        return name[:-2] + "Id"
    return name[:-2] + "ID" if name.endswith("Id") else None


def _names(wanted: inspect.Type) -> Iterator[str]:
    match wanted:
        case inspect.StructType():
            for known in wanted.fields:
                yield known.encode_name
                yield from _names(known.type)
        case inspect.ListType() | inspect.VarTupleType():
            yield from _names(wanted.item_type)
        case inspect.UnionType():
            for one in wanted.types:
                yield from _names(one)
