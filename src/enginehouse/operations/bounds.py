"""The bounds for texts, numbers and pages of any request."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import InvalidInput, Problem

LARGEST_ID: Final = (1 << 63) - 1
LONGEST_NAME: Final = 255
LONGEST_TEXT: Final = 4096


def text(path: str, value: str | None, *, longest: int = LONGEST_TEXT, required: bool = False) -> list[Problem]:
    """Returns what is wrong with a text that is stored in its own column."""
    if value is None or not value.strip():
        return [Problem(path, "must be given.")] if required else []
    if len(value) > longest:
        return [Problem(path, f"must have at most {longest} characters, has {len(value)}.")]
    if not storable(value):
        return [Problem(path, "must not contain a NUL character or half of a surrogate pair.")]
    return []


def storable(value: str) -> bool:
    """True if both databases can hold the text."""
    return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def json(path: str, value: Any) -> list[Problem]:
    """Returns what is wrong with a value that is stored as JSON text."""
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return [Problem(path, "must be JSON, without half of a surrogate pair and not nested too deeply.")]
    return []


def json_text(value: Any) -> str:
    """Returns the value as JSON text. `json` says whether it can be written so."""
    return msgspec.json.encode(value).decode()


def page(offset: int, limit: int, *, largest: int) -> None:
    """Raises InvalidInput for a page out of bounds. The message names what is allowed."""
    problems = []
    if not 0 <= offset <= LARGEST_ID:
        problems.append(Problem("offset", "must be 0 or more.", str(offset)))
    if not 0 <= limit <= largest:
        problems.append(Problem("limit", f"must be between 0 and {largest}.", str(limit), f"0..{largest}"))
    refuse(problems)


def refuse(problems: Sequence[Problem], known: Sequence[Problem] = ()) -> None:
    """Raises InvalidInput with all problems, if there are any. A `known` one hides others of the same path."""
    if known:
        paths = {problem.path for problem in known}
        problems = [*known, *(problem for problem in problems if problem.path not in paths)]
    if problems:
        raise InvalidInput(problems)
