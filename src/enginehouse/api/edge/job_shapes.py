"""The REST bodies that create and cancel jobs (rest-contract §2.8, §3.6)."""

from typing import Annotated

import msgspec
from msgspec import field

from enginehouse.api.edge.task_shapes import CreateTask, TaskRoute
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import DateTime


class CreateJob(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A job to create: its tasks and the routes between them."""

    tasks: list[CreateTask] | None = None
    task_routes: list[TaskRoute] | None = None
    core_id: str | None = None
    core_job_id: str | None = None
    core_recording_id: int | str | None = None
    core_source_id: int | str | None = None
    current_retries: int | None = None
    due_date_time: DateTime | None = None
    internal_organization_id: str | int | None = None
    job_config_json: str | None = None
    job_status: str | None = None
    send_output_to_uris: list[str] | None = None


class CreateJobs(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    jobs: Annotated[list[CreateJob], msgspec.Meta(min_length=1)]


class CreatedJobs(msgspec.Struct):
    """The ids in the order of the request."""

    ids: list[str] = field(name="internalJobIds")


class JobStatusView(msgspec.Struct, rename=spelled):
    internal_job_id: str
    job_status: str


class JobStatusAnswer(msgspec.Struct):
    job: JobStatusView


class CancelJobs(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one selector: a job, a scheduled job, or an organization with both dates.

    `include_running` is ours. With it, jobs that have started are stopped; without it, they cannot be cancelled.
    """

    job_id: str | None = None
    scheduled_job_id: str | int | None = None
    organization_id: str | int | None = None
    created_before_date_time: DateTime | None = None
    created_after_date_time: DateTime | None = None
    include_running: bool | None = None


class CancelledJobs(msgspec.Struct, omit_defaults=True):
    """`stopping` is how many attempts must still stop. It is present only for a request with `includeRunning`."""

    success: bool
    count: int
    stopping: int | None = None
