"""A reload of the installed engines: which one a server has done, and what it has found."""

from typing import Final

import msgspec

MOST_PROBLEMS: Final = 50
_LONGEST: Final = 500


class ReloadReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server has found when it last read its installed engines, for the reload `revision` or an earlier one.

    The names of engines that are new, changed or gone since it read them before, and a sentence for each fault.
    """

    revision: int
    engines: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def bounded(problems: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the problems as they are stored: not too many, and none too long."""
    kept = tuple(one if len(one) <= _LONGEST else f"{one[: _LONGEST - 1]}…" for one in problems[:MOST_PROBLEMS])
    more = len(problems) - len(kept)
    return (*kept, f"and {more} more.") if more else kept
