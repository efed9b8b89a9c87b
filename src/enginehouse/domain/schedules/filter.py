"""Which scheduled jobs a list contains, and in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from enginehouse.domain.schedules.timing import RunMode

Moment = Literal["start_at", "stop_at", "created_at", "modified_at"]
Order = Literal["id", "created_at", "modified_at", "start_at", "stop_at", "name", "run_mode", "is_active"]


@dataclass(frozen=True, slots=True)
class Between:
    """A range: both bounds are inclusive, None is unbounded. `or_empty`: a schedule without this time passes too."""

    first: int | None = None
    last: int | None = None
    or_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which scheduled jobs to list; None and empty exclude nothing. Dates in µs UTC, times of day in seconds.

    `name` is a part of the name, in any case. `own` leaves out the public ones of other organizations. `part_starts`,
    `part_stops`: at least one part starts or stops in the range. `order`: the sort fields, each with "descending".
    """

    ids: tuple[int, ...] | None = None
    name: str | None = None
    run_mode: RunMode | None = None
    is_active: bool | None = None
    own: bool = False
    dates: Mapping[Moment, Between] = field(default_factory=dict)
    part_starts: Between | None = None
    part_stops: Between | None = None
    source_ids: tuple[int, ...] | None = None
    source_type_ids: tuple[int, ...] | None = None
    engine_ids: tuple[str, ...] | None = None
    cluster_id: str | None = None
    has_template: bool | None = None
    has_live_jobs: bool | None = None
    order: tuple[tuple[Order, bool], ...] = (("id", True),)
    offset: int = 0
    limit: int = 30

    def is_in_storage(self) -> bool:
        """True if the database can select the page alone: the filter does not use names or parts."""
        plain_order = self.order in ((("id", True),), (("id", False),))
        return self.name is None and self.part_starts is None and self.part_stops is None and plain_order
