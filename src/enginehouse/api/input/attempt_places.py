"""Reads the place of an attempt among those of its job: TASK.ITEM.NUMBER, by which a list of them goes on."""

import re
from typing import Final

from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.work import BEFORE_ALL, AttemptPlace

_FORM: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_WORDS: Final = "TASK.ITEM.NUMBER of an attempt, like 0.0.1"


def place(problems: list[Problem], text: str | None) -> AttemptPlace:
    """Returns the place, that before all without a text. Another text is a problem of `after`."""
    if text is None:
        return BEFORE_ALL
    found = _FORM.fullmatch(text)
    if found is None:
        problems.append(Problem("after", f"{_WORDS}, got {excerpt(text)}.", excerpt(text), _WORDS))
        return BEFORE_ALL
    return AttemptPlace(*map(int, found.groups()))


def spelled(at: AttemptPlace) -> str:
    """Returns the text of a place."""
    return f"{at.ordinal}.{at.item}.{at.number}"
