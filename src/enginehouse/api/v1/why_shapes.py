"""The bodies of wait reasons and workers in our own REST interface, `/api/v1`."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class OtherTaskView(msgspec.Struct, rename=spelled, kw_only=True):
    """A task that a reason names."""

    internal_task_id: str
    order: int
    name: str
    task_status: str


class ReasonView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """One reason: its kind, its sentence, and the facts of this kind."""

    kind: str
    sentence: str
    tasks: list[OtherTaskView] | None = None
    endpoints: list[str] | None = None
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
    """`itemsRunning` items of the task run. The reasons are about the items that wait."""

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
    """A worker. Only administrators see its `name`. `drained`: it takes no work until it is resumed."""

    worker_id: str
    name: str | None = None
    connected: bool
    drained: bool
    drain_reason: str | None = None
    drain_detail: str | None = None
    slots: dict[str, int]
    running: int
    engine_ids: list[str]
    resources: dict[str, float]
    started_date_time: str
    seen_date_time: str
