"""Removes the values that do not fit from a body, so that the rest can be checked too."""

import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def without(plain: Any, paths: Iterable[str]) -> Any:
    """Returns a copy of `plain` without the fields at these paths. An item of a list there is an empty object.

    Items keep their places, so that all other paths stay valid.
    """
    rest = deepcopy(plain)
    for path in paths:
        *way, last = [int(number) if number else name for number, name in _STEP.findall(path)] or [None]
        place = rest
        for step in way:
            place = _at(place, step)
        if isinstance(place, dict):
            place.pop(last, None)
        elif isinstance(place, list) and isinstance(last, int) and last < len(place):
            place[last] = {}
    return rest


def _at(place: Any, step: Any) -> Any:
    if isinstance(place, dict):
        return place.get(step)
    return place[step] if isinstance(place, list) and isinstance(step, int) and step < len(place) else None
