"""The REST bodies of scheduled jobs (rest-contract §2.4, §2.8)."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class SchedulePart(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One part of a schedule's calendar. `scheduleDay` is the day in the schedule's own zone."""

    schedule_parts_id: str
    internal_scheduled_job_id: str
    schedule_type: str
    schedule_day: str | None = None
    schedule_day_local: str | None = None
    start_time: str | None = None
    stop_time: str | None = None
    repeat_interval: int | None = None
    repeat_interval_unit: str | None = None
    duration_seconds: int | None = None
    created_date_time: str
    modified_date_time: str


class ScheduledJobDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A scheduled job as it is now: exactly the fields of the contract."""

    internal_scheduled_job_id: str
    scheduled_job_id: int
    scheduled_job_name: str
    internal_organization_id: str
    organization_id: int
    is_active: bool
    run_mode: str
    schedule_parts: list[SchedulePart]
    source_id: int | None = None
    source_type: str | None = None
    live_timezone: str | None = None
    job_config_json: str | None = None
    url: str | None = None
    radio_stream_url: str | None = None
    youtube_channel: str | None = None
    start_date_time: str | None = None
    stop_date_time: str | None = None
    core_created_date_time: str
    created_date_time: str
    modified_date_time: str


class ScheduledJobAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: ScheduledJobDetail


class ScheduledJobList(msgspec.Struct, kw_only=True):
    """A page of scheduled jobs. `count` is the number of all matches."""

    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[ScheduledJobDetail]


class RateSeries(msgspec.Struct, rename=spelled):
    """The values of one run mode, as pairs (Unix seconds, per cent)."""

    run_mode: str
    values: list[tuple[int, float]]


class CountSeries(msgspec.Struct, rename=spelled):
    """The values of one run mode, as pairs (Unix seconds, jobs)."""

    instance: str
    run_mode: str
    values: list[tuple[int, int]]


class PendingRates(msgspec.Struct, rename=spelled, kw_only=True):
    success: bool = True
    counts: list[RateSeries]
    start_date_time: str
    end_date_time: str


class PendingCounts(msgspec.Struct, rename=spelled, kw_only=True):
    success: bool = True
    counts: list[CountSeries]
    start_date_time: str
    end_date_time: str


class LaunchTemplate(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`payloadJSON` is merged into the payload of every task. `isInternal` has no effect on a server without a core."""

    is_internal: bool | None = None
    payload_json: str | None = None
    scheduled_job_id: str | int | None = None
    source_id: str | int | None = None


class Operation(msgspec.Struct):
    """What an operation has done. `count` is the number of objects that it made, changed or deleted."""

    success: bool
    count: int


class LaunchAnswer(msgspec.Struct):
    operation: Operation
