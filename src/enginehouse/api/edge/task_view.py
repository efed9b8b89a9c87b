"""The REST view of a task (rest-contract §2.8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import field

from enginehouse.api.edge import words
from enginehouse.api.http.declaration import Uuid
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain import ids, times
from enginehouse.domain.artifact import FilledFolder
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job, Task
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_updates import TaskSaid
from enginehouse.operations import artifacts, engine_categories, engines, task_updates
from enginehouse.operations.house import House
from enginehouse.operations.task_updates import TaskKey


class FolderView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    id: Uuid
    correlation_id: str = field(name="correlationId")
    mode: str
    type: str
    options_json: str | None = None
    created_date_time: str
    modified_date_time: str


class ChunkCounts(msgspec.Struct, rename=spelled, kw_only=True):
    """The progress of a task in work items."""

    chunk_to_process_count: int
    chunk_produced_count: int | msgspec.UnsetType = msgspec.UNSET
    chunk_completed_count: int
    chunk_remaining_count: int
    error_count: int
    retry_count: int


class TaskDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A task as it is now: exactly the fields of the contract."""

    internal_task_id: str
    internal_job_id: str
    internal_organization_id: str
    core_job_id: str
    core_task_id: str
    core_recording_id: int | None = None
    engine_id: str
    engine_name: str | None = None
    engine_category_id: str | None = None
    engine_category_name: str | None = None
    task_status: str
    failure_reason: str
    failure_detail: str | None = None
    max_engines: int | None = None
    max_retries: int | None = None
    current_retries: int | None = None
    error_count: int | None = None
    parallel_processing: bool | None = None
    parent_must_be_complete_before_starting: bool | None = None
    parent_task_id: str | None = None
    child_task_ids: list[str] | None = None
    io_folders: list[FolderView] | None = None
    chunk_count_info: ChunkCounts | None = None
    payload_json: str | None = None
    task_payload_json: str | None = None
    task_output: str | None = field(default=None, name="taskOutputSON")
    send_output_to_uris: list[str] | None = None
    is_template: bool | None = None
    due_date_time: str | None = None
    created_date_time: str
    modified_date_time: str
    started_date_time: str | None = None
    completed_date_time: str | None = None
    aborted_date_time: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What the tasks of a job have produced so far. A list of jobs does not show it."""

    outputs: Mapping[TaskKey, TaskSaid]  # as the engines have reported them
    folders: Mapping[tuple[int, int], FilledFolder]

    def produced(self, task: Task) -> int:
        """Returns the number of the task's outputs."""
        return sum(folder.outputs for (ordinal, _), folder in self.folders.items() if ordinal == task.ordinal)


async def progress(house: House, principal: Principal, job: Job, tasks: Sequence[Task]) -> Progress:
    """Returns the progress of these tasks of the job."""
    outputs = await task_updates.outputs(house, principal, [task_updates.key_of(task) for task in tasks])
    return Progress(outputs, await artifacts.filled_folders(house, principal, job))


class TaskAnswer(msgspec.Struct):
    task: TaskDetail


class TaskAdded(msgspec.Struct):
    success: bool
    task: TaskDetail


class TaskList(msgspec.Struct, kw_only=True):
    """A page of tasks. `count` is the number of all matches."""

    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[TaskDetail]


async def category_names(house: House, principal: Principal) -> dict[str, str]:
    """Returns the names of the engine categories by id."""
    return {category.id: category.name for category in await engine_categories.list_(house, principal)}


def task_detail(
    house: House,
    principal: Principal,
    job: Job,
    task: Task,
    categories: dict[str, str],
    progress: Progress | None,
    near: "Neighbours | None" = None,
) -> TaskDetail:
    """Returns the task with its folders. Absent fields are left out.

    Who shows several tasks of the job looks up their neighbours once, as `near`.
    """
    plan, echo = task.plan, task.plan.echo
    engine = engines.shown(house, principal, plan.engine_id)
    category = engine.spec.category_id if engine is not None else None
    near = neighbours(job) if near is None else near
    parent, children = near.parent.get(task.ordinal), near.children.get(task.ordinal, ())
    payload = optional(json_text, plan.payload)
    said = progress.outputs.get(task_updates.key_of(task)) if progress is not None else None
    output = None if said is None else said.shown()
    return TaskDetail(
        internal_task_id=ids.task_uuid(job.id, task.ordinal),
        internal_job_id=ids.job_uuid(job.id),
        internal_organization_id=ids.organization_uuid(job.organization_id),
        core_job_id=job.plan.echo.get("coreJobID") or ids.job_graphql(job.id),
        core_task_id=echo.get("coreTaskId") or ids.task_graphql(job.id, task.ordinal),
        core_recording_id=job.target_id,
        engine_id=plan.engine_id,
        engine_name=engine.spec.name if engine is not None else None,
        engine_category_id=category,
        engine_category_name=categories.get(category or ""),
        task_status=words.task_word(task.status),
        failure_reason=words.failure_word(task.failure_reason) if task.status is TaskStatus.FAILED else "none",
        failure_detail=task.failure_message,
        max_engines=plan.max_engines or (2 if plan.parallel else 1),
        max_retries=plan.max_retries,
        current_retries=_retries(task),
        error_count=task.items_failed,
        parallel_processing=plan.parallel,
        parent_must_be_complete_before_starting=plan.parents_first,
        parent_task_id=None if parent is None else ids.task_uuid(job.id, parent),
        child_task_ids=[ids.task_uuid(job.id, child) for child in children],
        io_folders=[] if job.plan.legacy else _folders(job, task),
        chunk_count_info=ChunkCounts(
            chunk_to_process_count=task.items,
            chunk_produced_count=msgspec.UNSET if progress is None else progress.produced(task),
            chunk_completed_count=task.items_done,
            chunk_remaining_count=task.items_open,
            error_count=task.items_failed,
            retry_count=_retries(task),
        ),
        payload_json=echo.get("payloadJSON") or payload,
        task_payload_json=None if echo.get("onlyPayloadJSON") else payload,
        task_output=optional(json_text, output),
        send_output_to_uris=echo.get("sendOutputToUris"),
        is_template=False,
        due_date_time=optional(times.rest, plan.due_at),
        created_date_time=times.rest(task.created_at),
        modified_date_time=times.rest(task.modified_at),
        started_date_time=optional(times.rest, task.started_at),
        completed_date_time=optional(times.rest, task.completed_at),
        aborted_date_time=optional(times.rest, task.aborted_at),
    )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The first parent and all children of the tasks of a job that have one."""

    parent: Mapping[int, int]
    children: Mapping[int, Mapping[int, None]]


def neighbours(job: Job) -> Neighbours:
    """Returns the neighbours of all tasks of the job, in the order of its routes."""
    parent: dict[int, int] = {}
    children: dict[int, dict[int, None]] = {}
    for route in job.shown_routes:
        if route.parent >= 0:
            parent.setdefault(route.child, route.parent)
            children.setdefault(route.parent, {})[route.child] = None
    return Neighbours(parent, children)


def _folders(job: Job, task: Task) -> list[FolderView]:
    created, modified = times.rest(task.created_at), times.rest(task.modified_at)
    return [
        FolderView(
            id=ids.folder_uuid(job.id, task.ordinal, position),
            correlation_id=folder.reference,
            mode=folder.mode.value,
            type=folder.type.value,
            options_json=optional(json_text, folder.options),
            created_date_time=created,
            modified_date_time=modified,
        )
        for position, folder in enumerate(task.plan.folders)
    ]


def _retries(task: Task) -> int:
    """Returns the number of attempts after the first one of every item, as far as it is known while items run."""
    return max(0, task.attempts - max(1, task.items))
