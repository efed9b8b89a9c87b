"""What a job is: the request from an entrance, the stored plan, and the views that are read.

A *plan* is stored as one text document. It changes only when a task or a route is added to a job under way, and then
the `plan_revision` of the job changes too. Changing values are in small rows.
A task is named by its ordinal in the plan, a folder by its position in its task. `gc=False`: values from JSON hold no
cycles, so the garbage collector need not track them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from enginehouse.domain.spelling import GRAPHQL, Spelling
from enginehouse.domain.status import JobStatus, TaskStatus


class FolderMode(StrEnum):
    STREAM = "stream"
    CHUNK = "chunk"


class FolderType(StrEnum):
    INPUT = "input"
    OUTPUT = "output"


# -- the request, from either interface ---------------------------------------------------------------------


class FolderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A folder as the client described it. Its words are not checked yet."""

    reference: str | None = None
    mode: str | None = None
    type: str | None = None
    options: Any = None


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task as the client described it.

    `payload` is the engine's input, `payload_text` the same as JSON text (only one is set); `reference` is the client's
    own name for the task (REST `correlationTaskId`); `due_at` is microseconds UTC.
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
    parallel: bool | None = None  # None: the client does not say, and `max_engines` alone counts
    parents_first: bool = False
    due_at: int | None = None
    timeout_seconds: int | None = None
    status: str | None = None
    name: str | None = None
    standby: "TaskRequest | None" = None
    echo: dict[str, Any] = {}  # contract fields that are only stored and returned

    @property
    def is_parallel(self) -> bool:
        """Whether several items may run at once: the client says so, or allows several engines."""
        return (self.max_engines or 1) > 1 if self.parallel is None else self.parallel


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route as the client described it: by folder references and, in REST, also by task references.

    `endpoint`, `sync`, `sync_seconds` and `callback` are those of `Route`, not checked yet.
    """

    parent_task: str | None = None
    parent_folder: str | None = None
    child_task: str | None = None
    child_folder: str | None = None
    options: Any = None
    endpoint: str | None = None
    sync: bool | None = None
    sync_seconds: int | None = None
    callback: bool | None = None


class TargetRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A target to create together with the job."""

    name: str | None = None
    description: str | None = None
    status: str = "downloaded"
    start_at: int | None = None
    stop_at: int | None = None
    details: Any = None
    is_public: bool = False
    echo: dict[str, Any] = {}


class KnownGraph(msgspec.Struct, frozen=True, gc=False):
    """A graph that was translated before, without payloads. `shape` is what a plan depends on, None if on more."""

    tasks: tuple[TaskRequest, ...]
    routes: tuple[RouteRequest, ...]
    shape: bytes | None


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One job to create. `prefix` stands before every path in a problem (`jobs[1].`, or "" if there is one job).

    `graph` is that of the tasks and routes, if the entrance knows it already. It may be left out, or be another one.
    """

    tasks: tuple[TaskRequest, ...]
    routes: tuple[RouteRequest, ...] = ()
    target_id: str | None = None
    target: TargetRequest | None = None
    status: str | None = None
    name: str | None = None
    due_at: int | None = None
    scheduled_job_id: str | None = None  # recorded if the schedule exists, kept as text in any case
    spelling: Spelling = GRAPHQL
    prefix: str = ""
    echo: dict[str, Any] = {}
    graph: KnownGraph | None = None


# -- the stored plan ----------------------------------------------------------------------------------------


class Folder(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    reference: str
    mode: FolderMode
    type: FolderType
    options: Any = None


class TaskPlan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The part of a task that never changes.

    `gathers` and `per_chunk` say which items it has: one over everything, or one per input chunk. If neither is set it
    has one item for its whole (stream) input. `standby_for` is the ordinal of its principal. A task that was added to a
    job under way has `added_at` (µs UTC); with `awaits_route` it starts no earlier than its first route is added. With
    `pushes_closed` it takes nothing more that is pushed to an endpoint of the job.
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
    added_at: int | None = None
    awaits_route: bool = False
    pushes_closed: bool = False
    echo: dict[str, Any] = {}


class Route(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Joins an output folder to an input folder: (task ordinal, folder position) on both sides.

    A root's route has no parent (`parent` is -1). A `parent_folder` of -1 reads what a parent without output folders
    publishes; only a route that is added to a job under way has one. `standby` marks a route that mirrors a route of
    the principal.

    Content that is pushed to the `endpoint`, a UUID, arrives in the child's folder too. `sync`: the push waits up to
    `sync_seconds` for the result of the child, or of the child of the route with `callback` further down.
    """

    parent: int
    parent_folder: int
    child: int
    child_folder: int
    options: Any = None
    standby: bool = False
    endpoint: str | None = None
    sync: bool = False
    sync_seconds: int | None = None
    callback: bool = False


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    tasks: tuple[TaskPlan, ...]
    routes: tuple[Route, ...] = ()
    name: str | None = None
    legacy: bool = False  # the server made the folders for a plain task list; they are not shown
    echo: dict[str, Any] = {}


# -- the views ----------------------------------------------------------------------------------------------


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of a task. Times in µs UTC.

    `status` is effective: in a cancelled job, a task that has not ended is aborted, unless an attempt of it must still
    stop.
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
    reused_from: int | None = None  # the job whose stored outputs this task uses
    deleted_at: int | None = None  # since then no client sees it


class Job(msgspec.Struct, frozen=True, kw_only=True, weakref=True):
    """The current state of a job, with its plan and its tasks. Times in µs UTC.

    `tasks` has every task of the plan, so that an ordinal is a place in it; clients see only the `shown` ones.
    """

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
    root_of: int | None = None  # the first job of its chain of retries
    retries: tuple[int, ...] = ()
    due_at: int | None = None
    warnings: tuple[str, ...] = ()
    stop_requested_at: int | None = None  # when it was cancelled while attempts ran
    stopping: int = 0  # how many of these attempts must still stop
    paused_at: int | None = None  # since then none of its tasks starts
    scheduled_job_id: int | None = None
    slot_at: int | None = None  # the slot that started it; None if it was launched, created or retried
    template_id: int | None = None

    @property
    def shown(self) -> tuple[Task, ...]:
        """The tasks that were not deleted."""
        for task in self.tasks:
            if task.deleted_at is not None:
                return tuple([task for task in self.tasks if task.deleted_at is None])
        return self.tasks

    @property
    def shown_routes(self) -> tuple[Route, ...]:
        """The routes between tasks that were not deleted."""
        gone = {task.ordinal for task in self.tasks if task.deleted_at is not None}
        if not gone:
            return self.plan.routes
        return tuple([route for route in self.plan.routes if route.parent not in gone and route.child not in gone])


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list. Bounds in µs UTC, both inclusive; None means unbounded."""

    statuses: tuple[JobStatus, ...] = ()
    ids: tuple[int, ...] | None = None
    target_id: int | None = None
    has_target: bool | None = None
    name: str | None = None  # the whole name
    core_id: str | None = None  # of the GraphQL server that the job came from
    engine_ids: tuple[str, ...] = ()
    failure_reasons: tuple[str, ...] = ()  # a task failed for one of them
    paused: bool = False  # only the paused ones that have not ended
    schedule_ids: tuple[int, ...] | None = None
    has_schedule: bool | None = None
    created_from: int | None = None
    created_to: int | None = None
    modified_from: int | None = None
    modified_to: int | None = None
    order_by: str = "created_at"  # or modified_at
    descending: bool = True
    above: int | None = None  # only ids above this one: the place where another page of the same list ends
    below: int | None = None  # only ids below this one
    offset: int = 0
    limit: int = 30
