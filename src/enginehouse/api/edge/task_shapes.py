"""Tasks, folders and routes as REST writes and reads them (rest-contract §2.8)."""

import msgspec
from msgspec import field

from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import DateTime, Int32, Int64


class CreateFolder(msgspec.Struct, gc=False, rename=spelled, forbid_unknown_fields=True, omit_defaults=True):
    """A folder of a task to create; `correlation_id` is what routes refer to."""

    correlation_id: str | None = None
    mode: str | None = None
    type: str | None = None
    options_json: str | None = None


class CreateTask(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A task to create. The engine is handed `taskPayloadJSON`, or `payloadJSON` when that stands alone."""

    engine_id: str | None = field(default=None, name="engineId")
    correlation_task_id: str | None = field(default=None, name="correlationTaskId")
    core_task_id: str | None = field(default=None, name="coreTaskId")
    task_payload_json: str | None = None
    payload_json: str | None = None
    io_folders: list[CreateFolder] | None = None
    priority: Int32 | None = None
    max_retries: int | None = None
    max_engines: int | None = None
    parallel_processing: bool | None = None
    parent_must_be_complete_before_starting: bool | None = None
    due_date_time: DateTime | None = None
    task_status: str | None = None
    max_processing_seconds_per_work_item: Int64 | None = None
    max_wait_seconds_for_chunk: Int64 | None = None
    num_chunks_per_work_item: Int64 | None = None
    send_output_to_uris: list[str] | None = None


class Route(msgspec.Struct, gc=False, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A route: on create the caller's correlation ids, on read the ids of tasks and folders. A root has no parent."""

    task_parent_id: str | None = field(default=None, name="taskParentId")
    task_parent_output_id: str | None = field(default=None, name="taskParentOutputId")
    task_child_id: str | None = field(default=None, name="taskChildId")
    task_child_input_id: str | None = field(default=None, name="taskChildInputId")
    endpoint: str | None = None
    sync_enabled: bool | None = None
    sync_timeout_in_seconds: int | None = None
    chunk_callback_enabled: bool | None = None


class Folder(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    id: str
    correlation_id: str = field(name="correlationId")
    mode: str
    type: str
    options_json: str | None = None
    created_date_time: str
    modified_date_time: str


class ChunkCounts(msgspec.Struct, rename=spelled, kw_only=True):
    """How far a task is, in work items."""

    chunk_to_process_count: int
    chunk_completed_count: int
    chunk_remaining_count: int
    error_count: int
    retry_count: int


class ReusedFrom(msgspec.Struct, rename=spelled, kw_only=True):
    """The task that made the outputs, in the job that ran it."""

    internal_job_id: str
    internal_task_id: str


class TaskDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A task as it is now. `correlationTaskId` and `priority` are ours: by them a client knows its tasks again.

    So is `reusedFrom`, of a task that stands complete by the outputs it has in another job.
    """

    internal_task_id: str
    internal_job_id: str
    internal_organization_id: str
    core_job_id: str
    core_task_id: str
    core_recording_id: int | None = None
    correlation_task_id: str | None = field(default=None, name="correlationTaskId")
    engine_id: str
    engine_name: str | None = None
    engine_category_id: str | None = None
    engine_category_name: str | None = None
    task_status: str
    failure_reason: str
    failure_detail: str | None = None
    priority: int | None = None
    max_engines: int | None = None
    max_retries: int | None = None
    current_retries: int | None = None
    error_count: int | None = None
    parallel_processing: bool | None = None
    parent_must_be_complete_before_starting: bool | None = None
    num_chunks_per_work_item: int | None = None
    max_processing_seconds_per_work_item: int | None = None
    max_wait_seconds_for_chunk: int | None = None
    parent_task_id: str | None = None
    child_task_ids: list[str] | None = None
    io_folders: list[Folder] | None = None
    chunk_count_info: ChunkCounts | None = None
    payload_json: str | None = None
    task_payload_json: str | None = None
    reused_from: ReusedFrom | None = None
    task_output: str | None = field(default=None, name="taskOutputSON")
    send_output_to_uris: list[str] | None = None
    is_template: bool | None = None
    due_date_time: str | None = None
    created_date_time: str
    modified_date_time: str
    started_date_time: str | None = None
    completed_date_time: str | None = None
    aborted_date_time: str | None = None


class TaskAnswer(msgspec.Struct):
    task: TaskDetail
