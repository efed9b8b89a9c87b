"""The pages of a list: their numbers and addresses."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

_FURTHEST: Final = 1_000_000


def page_number(text: str) -> int:
    """Returns the number of the page that an address names, 1 for everything else."""
    return min(int(text), _FURTHEST) if text.isascii() and text.isdecimal() and int(text[:9]) > 0 else 1


def address(path: str, given: Mapping[str, str], number: int = 1) -> str:
    """Returns the address of a page of the list with these filters."""
    values = {**given, **({"page": str(number)} if number > 1 else {})}
    return f"{path}?{urlencode(values)}" if values else path
