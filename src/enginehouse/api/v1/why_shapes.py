"""Why a job and its tasks wait, and who is there to run them, as our own REST interface, `/api/v1`, says it."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class OtherTaskView(msgspec.Struct, rename=spelled, kw_only=True):
    """A task that a reason names."""

    internal_task_id: str
    order: int
    name: str
    task_status: str


class ReasonView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One reason: its kind, its words, and the facts that this kind has."""

    kind: str
    sentence: str
    tasks: list[OtherTaskView] | None = None
    engine_id: str | None = None
    engine_name: str | None = None
    pool: str | None = None
    slots: int | None = None
    slots_taken: int | None = None
    items_ahead: int | None = None
    more_ahead: bool | None = None
    limit: int | None = None
    running: int | None = None
    waiting: int | None = None
    attempt: int | None = None
    not_before_date_time: str | None = None
    since_date_time: str | None = None
    last_seen_date_time: str | None = None
    failure_reason: str | None = None
    failure_message: str | None = None


class TaskWhy(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """`itemsRunning` of the task's items are at work; what the reasons say is true of those that wait."""

    internal_task_id: str
    core_task_id: str
    engine_id: str
    engine_name: str | None = None
    task_status: str
    items_running: int
    sentence: str
    reasons: list[ReasonView]


class JobWhy(msgspec.Struct, rename=spelled, kw_only=True):
    internal_job_id: str
    internal_organization_id: str
    core_job_id: str
    job_status: str
    sentence: str
    reasons: list[ReasonView]
    tasks: list[TaskWhy]


class WorkerView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A worker; its `name` is for administrators."""

    name: str | None = None
    connected: bool
    slots: dict[str, int]
    running: int
    engine_ids: list[str]
    started_date_time: str
    seen_date_time: str
