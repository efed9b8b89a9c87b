"""Finds out why a JSON value does not fit a type: every reason, with its path, in plain words."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from enginehouse.domain.errors import InvalidInput, Problem, excerpt

T = TypeVar("T")


def problems(wanted: Any, plain: Any, prefix: str = "") -> list[Problem]:
    """Returns all reasons, at most 50, why `plain` is not a `wanted` (any type that msgspec can convert to).

    Paths have the names of the request, as in `tasks[2].ioFolders[0].mode`, after `prefix`. Unknown fields are ignored.
    """
    found: list[Problem] = []
    for problem in _walk(inspect.type_info(wanted), plain, prefix):
        found.append(problem)
        if len(found) == InvalidInput.LIMIT:
            break
    return found


def fit(wanted: type[T], plain: Any, prefix: str = "") -> T:
    """Returns `plain` as a `wanted`. Raises InvalidInput with all problems."""
    try:
        return msgspec.convert(plain, wanted)
    except msgspec.ValidationError as error:
        raise InvalidInput(problems(wanted, plain, prefix) or str(error)) from None


def _walk(wanted: inspect.Type, value: Any, path: str) -> Iterator[Problem]:
    match wanted:
        case inspect.Metadata():
            yield from _walk(wanted.type, value, path)
        case inspect.StructType() if isinstance(value, dict):
            yield from _fields(wanted, value, path)
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            if len(value) < (wanted.min_length or 0):
                yield Problem(path, f"at least {wanted.min_length} required.", "[]")
            for index, item in enumerate(value):
                yield from _walk(wanted.item_type, item, f"{path}[{index}]")
        case inspect.DictType() if isinstance(value, dict):
            for key, item in value.items():
                yield from _walk(wanted.value_type, item, f"{path}.{key}" if path else key)
        case inspect.UnionType():
            yield from _alternatives(wanted, value, path)
        case _:
            if not _fits(wanted, value):
                allowed = _named(wanted)
                yield Problem(path, f"{allowed}, got {excerpt(value)}.", excerpt(value), allowed)


def _fields(wanted: inspect.StructType, value: dict[str, Any], path: str) -> Iterator[Problem]:
    for known in wanted.fields:
        here = f"{path}.{known.encode_name}" if path else known.encode_name
        if known.encode_name in value:
            yield from _walk(known.type, value[known.encode_name], here)
        elif known.required:
            yield Problem(here, "required.", None, _named(known.type))


def _alternatives(wanted: inspect.UnionType, value: Any, path: str) -> Iterator[Problem]:
    """Yields the problems of the value.

    A list or an object is compared with the alternative of its shape, to name its parts.
    """
    if any(_fits(one, value) for one in wanted.types):
        return
    alike = [one for one in wanted.types if isinstance(one, _SHAPES.get(type(value), ()))]
    if alike:
        yield from _walk(alike[0], value, path)
    else:
        allowed = _named(wanted)
        yield Problem(path, f"{allowed}, got {excerpt(value)}.", excerpt(value), allowed)


def _fits(wanted: inspect.Type, value: Any) -> bool:
    """Returns False if the value does not fit. A type that is not known here is left to msgspec."""
    judge = _FITS.get(type(wanted))
    return judge is None or judge(wanted, value)


def _in_range(wanted: Any, value: float) -> bool:
    return (wanted.ge is None or value >= wanted.ge) and (wanted.le is None or value <= wanted.le)


def _length_fits(wanted: Any, length: int) -> bool:
    return bool((wanted.min_length or 0) <= length <= (length if wanted.max_length is None else wanted.max_length))


def _named(wanted: inspect.Type) -> str:
    """Returns what is allowed, as the beginning of the sentence `… , got 5.`"""
    name = _NAMES.get(type(wanted))
    return name(wanted) if name is not None else "object"


def _range(wanted: Any) -> str:
    match wanted.ge, wanted.le:
        case None, None:
            return ""
        case least, None:
            return f" ≥ {least}"
        case None, most:
            return f" ≤ {most}"
        case least, most:
            return f" from {least} to {most}"
    return ""


def _words(words: Any) -> str:
    return "one of " + ", ".join(str(word) for word in words)


def _any_of(wanted: Any) -> str:
    named = [_named(one) for one in wanted.types if not isinstance(one, inspect.NoneType)]
    return " or ".join(dict.fromkeys(named))


_SHAPES: Final[dict[type, tuple[type, ...]]] = {
    dict: (inspect.StructType, inspect.DictType),
    list: (inspect.ListType, inspect.VarTupleType),
}
_FITS: Final[dict[type, Callable[[Any, Any], bool]]] = {
    inspect.StructType: lambda wanted, value: isinstance(value, dict) and not any(_walk(wanted, value, "")),
    inspect.DictType: lambda wanted, value: isinstance(value, dict) and not any(_walk(wanted, value, "")),
    inspect.ListType: lambda wanted, value: isinstance(value, list) and not any(_walk(wanted, value, "")),
    inspect.VarTupleType: lambda wanted, value: isinstance(value, list) and not any(_walk(wanted, value, "")),
    inspect.NoneType: lambda wanted, value: value is None,
    inspect.BoolType: lambda wanted, value: isinstance(value, bool),
    inspect.IntType: lambda wanted, value: type(value) is int and _in_range(wanted, value),
    inspect.FloatType: lambda wanted, value: type(value) in {int, float} and _in_range(wanted, value),
    inspect.StrType: lambda wanted, value: isinstance(value, str) and _length_fits(wanted, len(value)),
    inspect.EnumType: lambda wanted, value: any(value == member.value for member in wanted.cls),
    inspect.LiteralType: lambda wanted, value: value in wanted.values,
    inspect.UnionType: lambda wanted, value: any(_fits(one, value) for one in wanted.types),
}
_NAMES: Final[dict[type, Callable[[Any], str]]] = {
    inspect.NoneType: lambda wanted: "null",
    inspect.BoolType: lambda wanted: "true or false",
    inspect.IntType: lambda wanted: "integer" + _range(wanted),
    inspect.FloatType: lambda wanted: "number" + _range(wanted),
    inspect.StrType: lambda wanted: (
        "string" + (f" of at most {wanted.max_length} characters" * bool(wanted.max_length))
    ),
    inspect.EnumType: lambda wanted: _words(member.value for member in wanted.cls),
    inspect.LiteralType: lambda wanted: _words(wanted.values),
    inspect.ListType: lambda wanted: "list",
    inspect.VarTupleType: lambda wanted: "list",
    inspect.UnionType: _any_of,
}
