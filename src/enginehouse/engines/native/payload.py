"""Reads the payload of a native engine: an error names the wrong value by its path and says what is allowed."""

from typing import Any

from enginehouse.domain.errors import excerpt
from enginehouse.engine import EngineFailure, FailureKind


def invalid(message: str) -> EngineFailure:
    """Returns the failure for wrong input. A retry cannot help."""
    return EngineFailure(message, FailureKind.INVALID_DATA)


def fields(payload: Any) -> dict[str, Any]:
    """Returns the payload as an object, an empty one if it is absent."""
    match payload:
        case None:
            return {}
        case dict():
            return payload
        case _:
            raise invalid(f"payload: an object is needed, got {excerpt(payload)}.")


def text(payload: dict[str, Any], name: str) -> str | None:
    """Returns the text in the field `name`, None if it is absent or null."""
    match payload.get(name):
        case None:
            return None
        case str() as value:
            return value
        case value:
            raise invalid(f"payload.{name}: text is needed, got {excerpt(value)}.")


def number(payload: dict[str, Any], name: str, *, default: float, least: float, most: float, path: str = "") -> float:
    """Returns the number in the field `name`, which may also be text, as in published samples."""
    value = payload.get(name)
    if value is None or value == "":
        return default
    try:
        if isinstance(value, bool):
            raise ValueError
        result = float(value)
        if not least <= result <= most:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise invalid(f"payload.{path}{name}: a number from {least:g} to {most:g}, got {excerpt(value)}.") from None
    return result


def flag(payload: dict[str, Any], name: str) -> bool:
    """Returns the Boolean in the field `name`, which may also be text. Returns False if it is absent."""
    match payload.get(name):
        case None | False | "false" | "":
            return False
        case True | "true":
            return True
        case value:
            raise invalid(f"payload.{name}: true or false, got {excerpt(value)}.")
