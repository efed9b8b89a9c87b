"""What a server answers, with types. A field that an older server, or aiWARE, does not send has its default."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

T = TypeVar("T")

_ENDED: Final = frozenset({"complete", "failed", "aborted"})


class TaskRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "internalTaskID",
        "status": "taskStatus",
        "engine_id": "engineID",
        "engine_name": "engineName",
        "failure_reason": "failureReason",
        "created_at": "createdDateTime",
        "started_at": "startedDateTime",
        "completed_at": "completedDateTime",
    },
):
    """A task of a job. `failure_reason` is `none` unless it has failed."""

    id: str
    status: str
    engine_id: str = ""
    engine_name: str = ""
    failure_reason: str = "none"
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class JobRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "id": "internalJobID",
        "core_id": "coreJobID",
        "status": "jobStatus",
        "created_at": "createdDateTime",
        "started_at": "startedDateTime",
        "completed_at": "completedDateTime",
        "aborted_at": "abortedDateTime",
        "retry_of": "retryOf",
    },
):
    """A job and its tasks. `core_id` is the spelling of its id that GraphQL and people use."""

    id: str
    status: str
    core_id: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    aborted_at: datetime | None = None
    retry_of: str | None = None
    tasks: list[TaskRecord] = []

    @property
    def has_ended(self) -> bool:
        """True if its status does not change any more."""
        return self.status in _ENDED


class JobReceipt(msgspec.Struct, frozen=True):
    """A job that was just created. `warnings` are sentences, for example that no worker has the engine."""

    id: str
    warnings: list[str] = []


class JobEvent(msgspec.Struct, frozen=True, rename={"at": "dateTime", "job_id": "jobID", "task_id": "taskID"}):
    """Something that happened to a job, or to one of its tasks (`task` is its number, None for the job itself)."""

    kind: str
    at: datetime | None = None
    id: int | None = None
    job_id: str | None = None
    task: int | None = None
    task_id: str | None = None
    detail: Mapping[str, Any] = {}


class JobResult(msgspec.Struct, frozen=True):
    """An output that a job has published: its name, and how many bytes it has."""

    name: str
    size: int


class Cancellation(msgspec.Struct, frozen=True):
    """How many jobs a call has cancelled, and how many attempts must still stop."""

    count: int = 0
    stopping: int = 0


class RangeCancellation(msgspec.Struct, frozen=True, rename={"settled_at": "settledDateTime", "is_dry_run": "dryRun"}):
    """The cancel of all jobs of a range of time. They are aborted at once; `settled` of them are also in their rows."""

    count: int
    id: str | None = None
    settled: int = 0
    stopping: int = 0
    is_dry_run: bool = False


class ScheduleRecord(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"is_active": "isActive", "run_mode": "runMode", "next_at": "nextRunDateTime", "time_zone": "timeZone"},
):
    """A schedule."""

    id: str
    name: str | None = None
    is_active: bool = True
    run_mode: str | None = None
    cron: str | None = None
    time_zone: str | None = None
    next_at: datetime | None = None


class EngineRecord(msgspec.Struct, frozen=True, rename={"is_installed": "installed"}):
    """An engine that jobs may name, by its id or its slug."""

    id: str
    name: str
    description: str | None = None
    is_installed: bool | None = None


class PipelineRecord(msgspec.Struct, frozen=True, kw_only=True, rename={"is_built_in": "builtIn"}):
    """A pipeline: a job with a name that takes any file. `steps` are as the server shows them."""

    name: str
    description: str = ""
    input: str = "text"
    is_built_in: bool = False
    steps: list[dict[str, Any]] = []


class JobOfPipeline(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The input of `createJob` that a pipeline makes now, and the media type of what the job reads."""

    job: dict[str, Any]
    media_type: str


class ReceiptOfPipeline(msgspec.Struct, frozen=True, rename={"id": "internalJobID"}):
    """The answer to the creation of a job of a pipeline."""

    id: str
    warnings: list[str] = []


class RecordPage(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list, and how many there are in all."""

    result: list[T]
    count: int
