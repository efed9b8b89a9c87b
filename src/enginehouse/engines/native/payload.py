"""How a native engine reads its payload: every wrong value is named by its path, with what is allowed."""

from typing import Any

from enginehouse.engine import EngineFailure, FailureKind


def invalid(message: str) -> EngineFailure:
    """The failure that says the input is wrong, so that trying again cannot help."""
    return EngineFailure(message, FailureKind.INVALID_DATA)


def fields(payload: Any) -> dict[str, Any]:
    """The payload as an object; an absent one is empty."""
    match payload:
        case None:
            return {}
        case dict():
            return payload
        case _:
            raise invalid(f"payload: an object is needed, got {_shown(payload)}.")


def text(payload: dict[str, Any], name: str) -> str | None:
    """The text in field `name`, None where it is absent or null."""
    match payload.get(name):
        case None:
            return None
        case str() as value:
            return value
        case value:
            raise invalid(f"payload.{name}: text is needed, got {_shown(value)}.")


def number(payload: dict[str, Any], name: str, *, default: float, least: float, most: float, path: str = "") -> float:
    """The number in field `name`, also when it is written as text, as published samples do."""
    value = payload.get(name)
    if value is None or value == "":
        return default
    try:
        if isinstance(value, bool):
            raise ValueError
        found = float(value)
        if not least <= found <= most:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise invalid(f"payload.{path}{name}: a number from {least:g} to {most:g}, got {_shown(value)}.") from None
    return found


def flag(payload: dict[str, Any], name: str) -> bool:
    """The truth value in field `name`, also when it is written as text; False where it is absent."""
    match payload.get(name):
        case None | False | "false" | "":
            return False
        case True | "true":
            return True
        case value:
            raise invalid(f"payload.{name}: true or false, got {_shown(value)}.")


def _shown(value: Any) -> str:
    shown = repr(value) if not isinstance(value, str) else f'"{value}"'
    return shown if len(shown) <= 60 else shown[:59] + "…"
