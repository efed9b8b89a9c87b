"""The spelling of the fields of every REST interface."""

from typing import Final

_CAPITALS: Final = {"id": "ID", "ids": "IDs", "json": "JSON"}


def spelled(name: str) -> str:
    """Returns the REST name by the rule of most fields: `internal_job_id` → `internalJobID`, `a_json` → `aJSON`."""
    first, *rest = name.split("_")
    return first + "".join(_CAPITALS.get(word, word.capitalize()) for word in rest)
