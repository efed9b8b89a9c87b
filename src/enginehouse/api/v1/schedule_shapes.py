"""Scheduled jobs as our own interface, `/api/v1/schedules`, shows them: the field names are GraphQL's."""

from typing import Any

import msgspec
from msgspec import field


class Run(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What a launch by hand gives its jobs."""

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
    """What becomes of local times that do not exist (`gap`) and of those that come twice (`fold`)."""

    gap: str
    fold: str


class ScheduleView(_View, kw_only=True):
    """A scheduled job as it is; `id` is its number, `scheduledJobUuid` the same where REST wants a UUID."""

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


class UpcomingSlotView(_View, kw_only=True):
    """A slot to come: the moment, the same on the clock on the wall, and `gap` or `repeated` where that is odd.

    `startDateTime` is there where the run starts later than its slot (jitterSeconds).
    """

    slot_date_time: str
    local: str
    note: str | None = None
    start_date_time: str | None = None


class PreviewView(_View, kw_only=True):
    """What a schedule would do."""

    sentence: str
    next: str
    warnings: list[str]
    coming: list[UpcomingSlotView]


class SlotView(_View, kw_only=True):
    """What became of a slot, or of `slots` in a row up to `lastSlotDateTime`."""

    slot_date_time: str
    last_slot_date_time: str | None = None
    slots: int
    outcome: str
    reason: str | None = None
    decided_date_time: str
    job_ids: list[str] = field(default_factory=list)
