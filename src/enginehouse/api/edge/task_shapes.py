"""The REST bodies of tasks, folders and routes (rest-contract §2.8)."""

import msgspec
from msgspec import field

from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import DateTime, Int32, Int64


class CreateFolder(msgspec.Struct, gc=False, rename=spelled, forbid_unknown_fields=True, omit_defaults=True):
    """A folder of a task to create. Routes refer to its `correlation_id`."""

    correlation_id: str | None = None
    mode: str | None = None
    type: str | None = None
    options_json: str | None = None


class CreateTask(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A task to create. The engine gets `taskPayloadJSON`, or `payloadJSON` if only that is present."""

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


class TaskRoute(msgspec.Struct, gc=False, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A route. To create, it has the caller's correlation ids; when read, the ids of tasks and folders.

    A root has no parent.
    """

    task_parent_id: str | None = field(default=None, name="taskParentId")
    task_parent_output_id: str | None = field(default=None, name="taskParentOutputId")
    task_child_id: str | None = field(default=None, name="taskChildId")
    task_child_input_id: str | None = field(default=None, name="taskChildInputId")
    endpoint: str | None = None
    sync_enabled: bool | None = None
    sync_timeout_in_seconds: int | None = None
    chunk_callback_enabled: bool | None = None
    # Maintained by the server. Clients send back what they have read, so they are accepted and ignored.
    task_parent_output_count: int | None = None
    task_child_input_count: int | None = None
    task_child_input_remaining_count: int | None = None
    task_child_num_engines: int | None = None
    first_write_date_time: str | None = None
    last_write_date_time: str | None = None


class AddTask(msgspec.Struct, forbid_unknown_fields=True):
    """A task to add to a job under way."""

    task: CreateTask


class AddRoute(msgspec.Struct, forbid_unknown_fields=True):
    """The route stands under `task` (rest-contract §1.9)."""

    task: TaskRoute


class AddedRoute(msgspec.Struct):
    success: bool
    task: TaskRoute


class TaskError(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A failed task, and why."""

    task_id: str
    engine_id: str
    engine_name: str | None = None
    category_id: str | None = None
    failure_reason: str
    failure_detail: str | None = None
    created_date_time: str
    modified_date_time: str


class TaskErrors(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A page of failed tasks. `count` is the number of all matches."""

    success: bool
    count: int
    limit: int
    offset: int
    result: list[TaskError]
    start_date_time: str | None = None
    end_date_time: str | None = None


class UpdateStatuses(msgspec.Struct, rename=spelled, forbid_unknown_fields=True):
    """Tasks, and the status that all of them get."""

    task_ids: list[str]
    task_status: str


class UpdatedStatuses(msgspec.Struct):
    success: bool
