"""The bodies of scheduled jobs in our own interface, `/api/v1/schedules`, with the field names of GraphQL."""

from typing import Any

import msgspec
from msgspec import field


class Run(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The options of a launch by hand."""

    payload: Any = None
    target_id: str | int | None = None


class _View(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    pass


class RecurringPartView(_View, kw_only=True):
    repeat_interval_unit: str
    repeat_interval: int
    duration_seconds: int | None = None
    start_time: str | None = None


class WeeklyPartView(_View, kw_only=True):
    scheduled_day: str | None = None
    start_time: str
    stop_time: str | None = None


class ClockChangesView(_View, kw_only=True):
    """What happens to local times that do not exist (`gap`) and to local times that occur twice (`fold`)."""

    gap: str
    fold: str


class ScheduleView(_View, kw_only=True):
    """A scheduled job as it is now. `id` is its number, `scheduledJobUuid` its UUID for REST."""

    id: str
    scheduled_job_uuid: str
    organization_id: str
    name: str
    description: str | None = None
    run_mode: str
    is_active: bool
    is_public: bool
    start_date_time: str | None = None
    stop_date_time: str | None = None
    recurring_schedule_parts: list[RecurringPartView] = field(default_factory=list)
    weekly_schedule_parts: list[WeeklyPartView] = field(default_factory=list)
    cron: str | None = None
    time_zone: str
    dst_policy: ClockChangesView
    excluded_dates: list[str] = field(default_factory=list)
    overlap_policy: str
    catch_up: str
    catch_up_limit: int
    jitter_seconds: int = 0
    primary_source_id: str | None = None
    details: Any = None
    job_template_ids: list[str] = field(default_factory=list)
    job_pipeline_ids: list[str] = field(default_factory=list)
    next_run_date_time: str | None = None
    runs: int
    skipped: int
    sentence: str
    warnings: list[str] = field(default_factory=list)
    created_date_time: str
    modified_date_time: str


class ScheduleList(msgspec.Struct, kw_only=True):
    """A page of scheduled jobs. `count` is the number of all matches."""

    success: bool = True
    count: int
    offset: int
    limit: int
    result: list[ScheduleView]


class StartedRun(msgspec.Struct, rename="camel"):
    """The jobs that a launch by hand has created."""

    job_ids: list[str]
    warnings: list[str]


class UpcomingSlotView(_View, kw_only=True):
    """A future slot: the moment, its local time, and `gap` or `repeated` if a clock change affects that.

    `startDateTime` is present if the run starts later than its slot (jitterSeconds).
    """

    slot_date_time: str
    local: str
    note: str | None = None
    start_date_time: str | None = None


class PreviewView(_View, kw_only=True):
    """The preview of a schedule."""

    sentence: str
    next: str
    warnings: list[str]
    coming: list[UpcomingSlotView]


class SlotView(_View, kw_only=True):
    """The outcome of a slot, or of `slots` slots in a row up to `lastSlotDateTime`."""

    slot_date_time: str
    last_slot_date_time: str | None = None
    slots: int
    outcome: str
    reason: str | None = None
    decided_date_time: str
    job_ids: list[str] = field(default_factory=list)
