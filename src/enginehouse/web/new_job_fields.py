"""The fields that an engine declares for its payload: as they are shown, and as the values that they give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from enginehouse.domain.engine import Engine

_CHOICE: Final = "Picklist"
_CHOICES: Final = "MultiPicklist"
_NUMBER: Final = "Number"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadField:
    """A field to fill in. `place` is its name in the form of the step; `options` are pairs of a value and a text."""

    place: str
    name: str
    kind: str
    label: str
    info: str
    required: bool
    value: str = ""
    chosen: frozenset[str] = frozenset()
    options: tuple[tuple[str, str], ...] = ()
    least: float | None = None
    most: float | None = None
    step: float | None = None


def fields_of(engine: Engine | None, given: Mapping[str, str]) -> tuple[PayloadField, ...]:
    """Returns the declared fields of the engine. Their values are those that were `given`, else the declared ones."""
    if engine is None:
        return ()
    return tuple(_field(str(n), each, given) for n, each in enumerate(engine.details.fields) if each.get("name"))


def values(fields: tuple[PayloadField, ...]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Returns the part of the payload that the fields give, and a sentence for each that is wrong, by its place."""
    made, faults = dict[str, Any](), list[tuple[str, str]]()
    for field in fields:
        if field.kind == _CHOICES:
            if field.chosen:
                made[field.name] = [value for value, _ in field.options if value in field.chosen]
            elif field.required:
                faults.append((field.place, "choose at least one."))
        elif not field.value:
            if field.required:
                faults.append((field.place, "must be given."))
        elif (fault := _fault(field)) is not None:
            faults.append((field.place, fault))
        else:
            made[field.name] = _number(field.value) if field.kind == _NUMBER else field.value
    return made, faults


def _field(place: str, declared: Mapping[str, Any], given: Mapping[str, str]) -> PayloadField:
    kind = str(declared.get("type") or "Text")
    options = tuple(_options(declared.get("options")))
    known = {name for name in given if name == place or name.startswith(f"{place}-")}
    preset = {str(each) for each in declared.get("defaultValues") or ()}
    return PayloadField(
        place=place,
        name=str(declared["name"]),
        kind=kind,
        label=str(declared.get("label") or declared["name"]),
        info=str(declared.get("info") or ""),
        required=bool(declared.get("required")),
        value=given.get(place, "").strip() if known else str(declared.get("defaultValue") or ""),
        chosen=frozenset(
            value for n, (value, _) in enumerate(options) if (f"{place}-{n}" in given if known else value in preset)
        ),
        options=options,
        least=declared.get("min"),
        most=declared.get("max"),
        step=declared.get("step"),
    )


def _options(declared: Any) -> Iterator[tuple[str, str]]:
    for each in declared or ():
        if isinstance(each, Mapping) and "value" in each:
            yield str(each["value"]), str(each.get("key") or each["value"])


def _fault(field: PayloadField) -> str | None:
    """Returns what is wrong with the value, None for nothing."""
    if field.kind == _CHOICE and field.options and field.value not in {value for value, _ in field.options}:
        return "choose one of the list."
    if field.kind != _NUMBER:
        return None
    number = _number(field.value)
    if number is None:
        return "must be a number."
    if (field.least is not None and number < field.least) or (field.most is not None and number > field.most):
        low, high = ("" if bound is None else f"{bound:g}" for bound in (field.least, field.most))
        return (
            f"must be between {low} and {high}."
            if low and high
            else f"must be at {'least' if low else 'most'} {low or high}."
        )
    return None


def _number(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number
