"""What a job is: the request as an entrance hands it over, the plan that is stored, and the views that are read.

A *plan* never changes (addTask appends to it) and is kept as one text document; what changes is in small rows.
Tasks are named by their ordinal in the plan, folders by their position in their task. `gc=False`: what is made of JSON
holds no cycles, and the collector is spared from looking.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from enginehouse.domain.status import JobStatus, TaskStatus


class FolderMode(StrEnum):
    STREAM = "stream"
    CHUNK = "chunk"


class FolderType(StrEnum):
    INPUT = "input"
    OUTPUT = "output"


# -- the request, as either interface hands it over ---------------------------------------------------------


class FolderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A folder as the client described it; words are not checked yet."""

    reference: str | None = None
    mode: str | None = None
    type: str | None = None
    options: Any = None


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task as the client described it.

    `payload` is what the engine is handed, `payload_text` the same as JSON text (one of them); `reference` is the
    client's handle (REST `correlationTaskId`); `due_at` microseconds UTC.
    """

    engine_id: str | None = None
    task_type: str | None = None
    payload: Any = None
    payload_text: str | None = None
    reference: str | None = None
    folders: tuple[FolderRequest, ...] = ()
    priority: int = 0
    max_retries: int | None = None
    max_engines: int | None = None
    parallel: bool = False
    parents_first: bool = False
    due_at: int | None = None
    timeout_seconds: int | None = None
    status: str | None = None
    name: str | None = None
    standby: "TaskRequest | None" = None
    echo: dict[str, Any] = {}  # contract fields that are stored and answered back, nothing more


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route as the client described it, by folder references and, in REST, also by task references."""

    parent_task: str | None = None
    parent_folder: str | None = None
    child_task: str | None = None
    child_folder: str | None = None
    options: Any = None
    echo: dict[str, Any] = {}


class TargetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A target to make together with the job."""

    name: str | None = None
    description: str | None = None
    status: str = "downloaded"
    start_at: int | None = None
    stop_at: int | None = None
    details: Any = None
    is_public: bool = False
    echo: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the caller's interface names the fields, so that a problem's path exists in what the caller sent."""

    tasks: str = "tasks"
    engine: str = "engineId"
    task_type: str = "taskType"
    payload: str = "payload"
    payload_text: str = "payloadString"
    task_reference: str = "referenceId"
    folders: str = "ioFolders"
    folder_reference: str = "referenceId"
    folder_mode: str = "mode"
    folder_type: str = "type"
    preferences: str = "executionPreferences."
    priority: str = "priority"
    max_retries: str = "maxRetries"
    max_engines: str = "maxEngines"
    parallel: str = "parallelProcessing"
    parents_first: str = "parentCompleteBeforeStarting"
    due: str = "dueDateTime"
    timeout: str = "maxProcessingSecondsPerWorkItem"
    routes: str = "routes"
    route_parent_task: str = "taskParentId"
    route_parent_folder: str = "parentIoFolderReferenceId"
    route_child_task: str = "taskChildId"
    route_child_folder: str = "childIoFolderReferenceId"
    target: str = "target"
    target_id: str = "targetId"
    status: str = "status"
    task_status: str = "status"


GRAPHQL = Spelling()
TEMPLATE = Spelling(tasks="taskTemplates")  # a job template's, in GraphQL
REST = Spelling(
    payload="payloadJSON",
    payload_text="taskPayloadJSON",
    task_reference="correlationTaskId",
    folder_reference="correlationID",
    preferences="",
    parents_first="parentMustBeCompleteBeforeStarting",
    routes="taskRoutes",
    route_parent_folder="taskParentOutputId",
    route_child_folder="taskChildInputId",
    target_id="coreRecordingID",
    status="jobStatus",
    task_status="taskStatus",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One job to create. `prefix` is put before every path in a problem (`jobs[1].`, or "" where there is one job)."""

    tasks: tuple[TaskRequest, ...]
    routes: tuple[RouteRequest, ...] = ()
    target_id: str | None = None
    target: TargetRequest | None = None
    status: str | None = None
    name: str | None = None
    due_at: int | None = None
    scheduled_job_id: str | None = None  # recorded where there is such a schedule, kept as text in any case
    spelling: Spelling = GRAPHQL
    prefix: str = ""
    echo: dict[str, Any] = field(default_factory=dict)


# -- the plan, as it is stored ------------------------------------------------------------------------------


class Folder(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    reference: str
    mode: FolderMode
    type: FolderType
    options: Any = None


class TaskPlan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What never changes of a task.

    `gathers` and `per_chunk` say how its items are made: one over everything, or one per input chunk; neither means
    one item for its whole (stream) input. `standby_for` is the ordinal of its principal.
    """

    engine_id: str
    pool: str = "native"
    payload: Any = None
    folders: tuple[Folder, ...] = ()
    gathers: bool = False
    per_chunk: bool = False
    parents_first: bool = False
    priority: int = 0
    max_retries: int | None = None
    max_engines: int | None = None
    parallel: bool = False
    max_failed_chunks: int = 0
    timeout_seconds: int | None = None
    due_at: int | None = None
    reference: str | None = None
    name: str | None = None
    standby_for: int | None = None
    echo: dict[str, Any] = {}


class Route(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Joins an output folder to an input folder: (task ordinal, folder position) on both sides.

    A root's route has no parent (`parent` is -1). `standby` marks a route that mirrors the principal's.
    """

    parent: int
    parent_folder: int
    child: int
    child_folder: int
    options: Any = None
    standby: bool = False
    echo: dict[str, Any] = {}


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    tasks: tuple[TaskPlan, ...]
    routes: tuple[Route, ...] = ()
    name: str | None = None
    legacy: bool = False  # folders were made by the server for a plain task list, and are not shown
    echo: dict[str, Any] = {}


# -- what is read -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it is now. Times in µs UTC.

    `status` is effective: an unended task of a cancelled job is aborted, unless an attempt of it has still to stop.
    """

    job_id: int
    ordinal: int
    plan: TaskPlan
    status: TaskStatus
    created_at: int
    modified_at: int
    queued_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    aborted_at: int | None = None
    attempts: int = 0
    items: int = 0
    items_open: int = 0
    items_done: int = 0
    items_failed: int = 0
    failure_reason: str | None = None
    failure_message: str | None = None
    reused_from: int | None = None  # the job whose stored outputs of this task stand here
    output: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is now, with its plan and its tasks. Times in µs UTC."""

    id: int
    organization_id: int
    status: JobStatus
    plan: Plan
    tasks: tuple[Task, ...]
    created_at: int
    modified_at: int
    created_by: str | None = None
    target_id: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    aborted_at: int | None = None
    retry_of: int | None = None
    root_of: int | None = None  # the first of its line of retries
    retries: tuple[int, ...] = ()
    due_at: int | None = None
    warnings: tuple[str, ...] = ()
    stop_requested_at: int | None = None  # when it was cancelled while attempts ran
    stopping: int = 0  # how many of them have still to stop
    paused_at: int | None = None  # since when nothing more of it starts
    scheduled_job_id: int | None = None
    slot_at: int | None = None  # the slot it was started for; None for one that was launched, created or retried
    template_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list. Bounds in µs UTC, both inclusive; None means unbounded."""

    statuses: tuple[JobStatus, ...] = ()
    ids: tuple[int, ...] | None = None
    target_id: int | None = None
    has_target: bool | None = None
    engine_ids: tuple[str, ...] = ()
    schedule_ids: tuple[int, ...] | None = None
    has_schedule: bool | None = None
    created_from: int | None = None
    created_to: int | None = None
    modified_from: int | None = None
    modified_to: int | None = None
    order_by: str = "created_at"  # or modified_at
    descending: bool = True
    offset: int = 0
    limit: int = 30
