"""When a schedule is due, and what happens if a run is late or an earlier run has not ended.

`Timing` decides the calendar (see `slots`), `Rules` decide what happens at each slot (see `firing`). Times of day are
seconds since local midnight, days of the week count from Monday = 0, other times are µs UTC.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

DAY: Final = 86_400
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_CATCH_UP: Final = 1000


class RunMode(StrEnum):
    """When a scheduled job starts (graphql-contract §2.4). The stored words are the REST interface's."""

    CONTINUOUS = "continuous"  # one run after the other from its start to its stop
    RECURRING = "recurring"  # at the slots of its parts
    ONCE = "once"  # never by itself: it waits for a launch
    NOW = "now"  # at once; when that run has ended the schedule becomes `once`


class Unit(StrEnum):
    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"
    HOURS = "hours"
    MINUTES = "minutes"
    SECONDS = "seconds"

    @property
    def seconds(self) -> int | None:
        """The length of a unit with a fixed length; None for a unit that depends on the calendar."""
        match self:
            case Unit.SECONDS:
                return 1
            case Unit.MINUTES:
                return 60
            case Unit.HOURS:
                return 3600
            case Unit.DAYS | Unit.WEEKS | Unit.MONTHS:
                return None


class Recurring(msgspec.Struct, frozen=True, omit_defaults=True):
    """Every `every` units, counted from the schedule's anchor; at the time of day `start`, if it is set."""

    unit: Unit
    every: int
    start: int | None = None
    duration_seconds: int | None = None


class Weekly(msgspec.Struct, frozen=True, omit_defaults=True):
    """On one day of the week, or on every day, from `start` to `stop`."""

    day: int | None = None
    start: int = 0
    stop: int | None = None


class Gap(StrEnum):
    """What happens to a local time that does not exist on some day."""

    AFTER = "after"  # all times in the gap fire together, once, at the first instant after it
    SKIP = "skip"


class Fold(StrEnum):
    """What happens to a local time that comes twice on some day."""

    FIRST = "first"
    LAST = "last"
    BOTH = "both"


class Timing(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The times of the slots: the union of all parts, or the cron line, except on the excluded dates (`2026-12-24`)."""

    recurring: tuple[Recurring, ...] = ()
    weekly: tuple[Weekly, ...] = ()
    cron: str | None = None
    zone: str = "UTC"
    gap: Gap = Gap.AFTER
    fold: Fold = Fold.FIRST
    excluded: frozenset[str] = frozenset()

    def has_parts(self) -> bool:
        return bool(self.recurring or self.weekly or self.cron)


class Overlap(StrEnum):
    """What a due slot does while the run of an earlier slot has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"


class CatchUp(StrEnum):
    """What happens to slots that passed while no server could fire them."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Rules(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`most` bounds `CatchUp.ALL`. `jitter_seconds` is the largest delay of a run; a slot always has the same delay."""

    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.LAST
    most: int = MOST_CATCH_UP
    jitter_seconds: int = 0
