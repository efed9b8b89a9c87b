"""The pages of the contract: `count` is the number of records in the page, never a total (graphql-contract §1.7)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import InvalidInput, Problem

JOBS: Final = 1_000
TASKS: Final = 10_000
ENGINES: Final = 10_000
ASSETS: Final = 1_000
TARGETS: Final = 1_000
SCHEDULES: Final = 1_000
TEMPLATES: Final = 1_000
SOURCES: Final = 1_000
EXPORTS: Final = 1_000
USERS: Final = 1_000
ORGANIZATIONS: Final = 1_000
_LARGEST_OFFSET: Final = 2**31 - 1

MATCHES: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": lambda name, part: name.startswith(part),
    "endsWith": lambda name, part: name.endswith(part),
    "contains": lambda name, part: part in name,
    "exact": lambda name, part: name == part,
}
"""The words of StringMatch: whether a name matches a part of it, both in the same case."""


OF_ITSELF: Final = frozenset({"records", "offset", "limit", "count"})
"""The fields that follow from the page alone."""


class Page(msgspec.Struct, frozen=True):
    """One page of records."""

    records: Sequence[Any]
    offset: int
    limit: int

    @property
    def count(self) -> int:
        """The number of records in this page."""
        return len(self.records)


def bounds(offset: int | None, limit: int | None, largest: int) -> tuple[int, int]:
    """Returns offset and limit, by default 0 and 30. Raises InvalidInput, which names what is allowed."""
    offset, limit = 0 if offset is None else offset, 30 if limit is None else limit
    problems = []
    if not 1 <= limit <= largest:
        problems.append(Problem("limit", f"1–{largest}, got {limit}.", str(limit), f"1–{largest}"))
    if offset < 0:
        allowed = f"0–{_LARGEST_OFFSET}"
        problems.append(Problem("offset", f"{allowed}, got {offset}.", str(offset), allowed))
    if problems:
        raise InvalidInput(problems)
    return offset, limit


def page(records: Sequence[Any], offset: int | None, limit: int | None, largest: int) -> Page:
    """Returns the page of `records` that the arguments describe."""
    first, size = bounds(offset, limit, largest)
    whole = first == 0 and size >= len(records)
    return Page(records if whole else records[first : first + size], first, size)
