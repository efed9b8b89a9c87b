"""The view of a job in our own interface: that of the documented one, with the fields that only this server has."""

import msgspec
from msgspec import field

from enginehouse.api.edge import job_view, task_view
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import optional
from enginehouse.domain import ids, times
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job, Task
from enginehouse.domain.status import TaskStatus
from enginehouse.operations.house import House


class ReusedFrom(msgspec.Struct, rename=spelled, kw_only=True):
    """The task that produced the outputs, and the job that ran it."""

    internal_job_id: str
    internal_task_id: str


class OwnTaskDetail(task_view.TaskDetail, rename=spelled, omit_defaults=True, kw_only=True):
    """A task as it is now. A client recognizes its tasks by `correlationTaskId`.

    `reusedFrom` is present for a task that is complete because another job has its outputs. `reason` is why it failed,
    in the word that attempts, items, events and filters have for it; `failureReason` is one of the documented words.
    """

    correlation_task_id: str | None = field(default=None, name="correlationTaskId")
    priority: int | None = None
    num_chunks_per_work_item: int | None = None
    max_processing_seconds_per_work_item: int | None = None
    max_wait_seconds_for_chunk: int | None = None
    reused_from: ReusedFrom | None = None
    reason: str | None = None


class OwnJobDetail(job_view.JobDetail, rename=spelled, omit_defaults=True, kw_only=True):
    """A job as it is now, with its tasks and routes."""

    tasks: list[OwnTaskDetail]  # type: ignore[assignment]
    job_name: str | None = None
    slot_date_time: str | None = None  # the slot of its schedule that created the job
    paused_date_time: str | None = None  # present only for a paused job
    stop_requested_date_time: str | None = None  # present only for a job that was cancelled while it ran …
    stopping: int | None = None  # … with the number of its attempts that must still stop
    retry_of: str | None = None  # the job that this one retries, …
    root_job_id: str | None = None  # … the first job of the chain of retries, …
    retries: list[str] | None = None  # … and the retries of this job, oldest first


class OwnJobList(msgspec.Struct, kw_only=True):
    """A page of jobs. `count` is the number of all matches."""

    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[OwnJobDetail]


def job_detail(
    house: House,
    principal: Principal,
    job: Job,
    categories: dict[str, str],
    progress: task_view.Progress | None = None,
) -> OwnJobDetail:
    """Returns the job with its tasks and routes. Absent fields are left out."""
    documented = msgspec.structs.asdict(job_view.job_detail(house, principal, job, categories, progress))
    tasks = [_task(task, detail) for task, detail in zip(job.shown, documented.pop("tasks"), strict=True)]
    return OwnJobDetail(
        **documented,
        tasks=tasks,
        job_name=job.plan.name,
        slot_date_time=optional(times.rest, job.slot_at),
        paused_date_time=optional(times.rest, job.paused_at),
        stop_requested_date_time=optional(times.rest, job.stop_requested_at),
        stopping=job.stopping if job.stop_requested_at is not None else None,
        retry_of=optional(ids.job_uuid, job.retry_of),
        root_job_id=optional(ids.job_uuid, job.root_of),
        retries=[ids.job_uuid(retry) for retry in job.retries] or None,
    )


def task_detail(
    house: House,
    principal: Principal,
    job: Job,
    task: Task,
    categories: dict[str, str],
    progress: task_view.Progress | None,
) -> OwnTaskDetail:
    """Returns the task with its folders. Absent fields are left out."""
    return _task(task, task_view.task_detail(house, principal, job, task, categories, progress))


def _task(task: Task, documented: task_view.TaskDetail) -> OwnTaskDetail:
    echo = task.plan.echo
    return OwnTaskDetail(
        **msgspec.structs.asdict(documented),
        correlation_task_id=task.plan.reference,
        priority=task.plan.priority,
        num_chunks_per_work_item=echo.get("numChunksPerWorkItem"),
        max_processing_seconds_per_work_item=task.plan.timeout_seconds,
        max_wait_seconds_for_chunk=echo.get("maxWaitSecondsForChunk"),
        reused_from=_reused(task),
        reason=task.failure_reason if task.status is TaskStatus.FAILED else None,
    )


def _reused(task: Task) -> ReusedFrom | None:
    if task.reused_from is None:
        return None
    return ReusedFrom(
        internal_job_id=ids.job_uuid(task.reused_from),
        internal_task_id=ids.task_uuid(task.reused_from, task.ordinal),
    )
