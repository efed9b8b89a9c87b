"""The bodies of the loop of engine instances and their hosts (engine-contract b.2)."""

from typing import Any

import msgspec
from msgspec import field

from enginehouse.api.http.error_shapes import Error
from enginehouse.api.http.json.casing import spelled
from enginehouse.wire.work import InputBody


class NewInstance(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """An engine instance that starts. Its further fields say how it was launched, and are not kept."""

    engine_id: str | None = None
    additional_engine_ids: list[str] | None = None


class InstanceRegistration(msgspec.Struct, rename=spelled, kw_only=True):
    """`engineInstanceToken` is the token that the request had."""

    action: str = "launch"
    engine_instance_id: str
    engine_instance_token: str
    runtime_expiration_seconds: int


class TaskStatusBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """What an instance says of a task. Counts are not kept."""

    internal_job_id: str | None = None
    internal_task_id: str | None = None
    task_status: str | None = None
    failure_reason: str | None = None
    error_details: str | None = None
    task_output: Any = None
    work_request_id: str | None = None
    prior_timestamp: int | None = None
    timestamp: int | None = None


class WorkRequestBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """An instance asks for work, after what became of its last."""

    engine_instance_id: str | None = None
    request_work_for_engine_ids: list[str] | None = None
    task_statuses: list[TaskStatusBody] | None = None
    work_request_id: str | None = None
    work_request_status: str | None = None
    host_action: str | None = None


class InstanceStatusBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The heartbeat of an instance."""

    engine_instance_id: str | None = None
    prior_timestamp: int | None = None
    timestamp: int | None = None
    mode: str | None = None
    task_statuses: list[TaskStatusBody] | None = None
    work_request_id: str | None = None
    work_request_status: str | None = None


class IoFolder(msgspec.Struct, rename=spelled, kw_only=True):
    id: str
    task_id: str = field(name="taskId")


class TaskIo(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    id: str
    io_type: str
    io_mode: str
    input_folders: list[IoFolder] | None = None
    options: Any = None


class WorkItem(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A work item. `fencingToken`, `item`, `attempt` and `inputs` are ours; the description allows more fields here."""

    engine_id: str
    engine_type: str
    internal_job_id: str
    internal_task_id: str
    internal_organization_id: str
    organization_id: int
    job_id: str
    task_id: str
    is_retry: bool
    max_processing_seconds_per_work_item: int
    max_wait_seconds_for_chunk: int
    num_chunks_per_work_item: int
    task_ios: list[TaskIo] = field(name="taskIOs")
    task_payload: Any
    task_parent_status: str = "complete"
    fencing_token: int
    item: int
    attempt: int
    inputs: list[InputBody]


class GivenWork(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    action: str
    engine_instance_id: str
    work_item: list[WorkItem] | None = None
    work_request_id: str | None = None


class WorkAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    success: bool = field(name="success")
    error: Error | None = None
    result: GivenWork | None = None


class WorkDetail(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    work_item: list[WorkItem]
    work_request_id: str | None = None
    work_request_status: str | None = None


class WorkDetailAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: WorkDetail


class InstanceStatusView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    engine_instance_id: str
    mode: str
    work_request_id: str | None = None
    work_request_status: str | None = None


class InstanceOutcome(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """What became of one element of a request for several instances."""

    engine_instance_id: str
    success: bool = field(name="success")
    error: Error | None = None


class NewHost(msgspec.Struct, kw_only=True):
    """A host that starts. This server starts no containers, so nothing of it is kept."""

    info: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


class HostActionView(msgspec.Struct, rename=spelled, kw_only=True):
    """This server starts and ends no containers."""

    mode: str = field(default="continue", name="mode")
    agent_proxy_enabled: bool = True


class HostRegistration(msgspec.Struct, rename=spelled, kw_only=True):
    """`hostToken` is the token that the request had."""

    host_id: str
    host_token: str
    status: HostActionView
