"""Scheduled jobs as our own interface, `/api/v1/schedules`, takes and shows them: the field names are GraphQL's."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, field

from enginehouse.api.edge.task_shapes import Int32, Moment

Id = str | int


class _Input(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    pass


class RecurringPart(_Input, kw_only=True):
    repeat_interval_unit: str
    repeat_interval: Any  # a wrong one is told together with everything else that is wrong with the calendar
    duration_seconds: Int32 | None = None
    start_time: str | None = None


class WeeklyPart(_Input, kw_only=True):
    scheduled_day: str | None = None
    start_time: str | None = None
    stop_time: str | None = None


class ClockChanges(_Input, kw_only=True):
    """What becomes of local times that do not exist (`gap`) and of those that come twice (`fold`)."""

    gap: str | None = None
    fold: str | None = None


class Folder(_Input, kw_only=True):
    reference_id: str | None = None
    mode: str | None = None
    type: str | None = None


class Preferences(_Input, kw_only=True):
    priority: Int32 | None = None
    max_engines: Int32 | None = None
    max_retries: Int32 | None = None
    parallel_processing: bool | None = None
    parent_complete_before_starting: bool | None = None
    due_date_time: Moment | None = None


class TaskTemplate(_Input, kw_only=True):
    engine_id: str | None = None
    engine_config_id: str | None = None
    execution_location_id: str | None = None
    job_template_id: str | None = None
    payload: Any = None
    payload_string: str | None = None
    parent_task_id: str | None = None
    io_folders: list[Folder] | None = None
    execution_preferences: Preferences | None = None


class Route(_Input, kw_only=True):
    parent_io_folder_reference_id: str | None = None
    child_io_folder_reference_id: str | None = None
    options: Any = None


class JobTemplate(_Input, kw_only=True):
    task_templates: list[TaskTemplate] | None = None
    routes: list[Route] | None = None
    job_config: Any = None
    job_pipeline_id: str | None = None
    job_pipeline_stage: Int32 | None = None
    skip_decider: bool | None = None
    application_id: str | None = None
    cluster_id: str | None = None


class ScheduleInput(_Input, kw_only=True):
    """A scheduled job to create, to change or to foresee. What is absent is left as it is."""

    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    run_mode: str | UnsetType | None = UNSET
    is_active: bool | UnsetType | None = UNSET
    is_public: bool | UnsetType | None = UNSET
    start_date_time: Moment | UnsetType | None = UNSET
    stop_date_time: Moment | UnsetType | None = UNSET
    recurring_schedule_parts: list[RecurringPart] | UnsetType | None = UNSET
    weekly_schedule_parts: list[WeeklyPart] | UnsetType | None = UNSET
    cron: str | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    dst_policy: ClockChanges | UnsetType | None = UNSET
    excluded_dates: list[str] | UnsetType | None = UNSET
    overlap_policy: str | UnsetType | None = UNSET
    catch_up: str | UnsetType | None = UNSET
    catch_up_limit: Int32 | UnsetType | None = UNSET
    jitter_seconds: Int32 | UnsetType | None = UNSET
    primary_source_id: Id | UnsetType | None = UNSET
    details: Any = UNSET
    details_schema_id: str | UnsetType | None = UNSET
    job_template_ids: list[str] | UnsetType | None = UNSET
    job_pipeline_ids: list[str] | UnsetType | None = UNSET
    job_templates: list[JobTemplate] | UnsetType | None = UNSET


class Run(_Input, kw_only=True):
    """What a launch by hand gives its jobs."""

    payload: Any = None
    target_id: Id | None = None


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


class ComingView(_View, kw_only=True):
    """A slot to come: the moment, the same on the clock on the wall, and `gap` or `repeated` where that is odd.

    `startDateTime` is there where the run starts later than its slot (jitterSeconds).
    """

    slot_date_time: str
    local: str
    note: str | None = None
    start_date_time: str | None = None


class ForesightView(_View, kw_only=True):
    """What a schedule would do."""

    sentence: str
    next: str
    warnings: list[str]
    coming: list[ComingView]


class SlotView(_View, kw_only=True):
    """What became of a slot, or of `slots` in a row up to `lastSlotDateTime`."""

    slot_date_time: str
    last_slot_date_time: str | None = None
    slots: int
    outcome: str
    reason: str | None = None
    decided_date_time: str
    job_ids: list[str] = field(default_factory=list)
