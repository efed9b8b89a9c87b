"""From a job and its tasks to what REST shows of them."""

from typing import Any, Final, assert_never

from enginehouse.api.edge.job_shapes import JobDetail
from enginehouse.api.edge.task_shapes import ChunkCounts, Folder, ReusedFrom, Route, TaskDetail
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain import ids, times
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import FolderType, Job, Task
from enginehouse.domain.job import Route as PlannedRoute
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.operations import engines
from enginehouse.operations.house import House

_K = FailureKind
# The engines' words folded into REST's twelve (rest-contract §1.10).
_REASONS: Final[dict[str, str]] = {
    _K.INTERNAL_ERROR: "internal_error",
    _K.URL_NOT_FOUND: "not_found",
    _K.URL_NOT_ALLOWED: "unauthorized",
    _K.URL_TIMEOUT: "connection",
    _K.URL_CONNECTION_REFUSED: "connection",
    _K.URL_ERROR: "connection",
    _K.INVALID_DATA: "bad_data",
    _K.RATE_LIMITED: "rate_limited",
    _K.API_NOT_ALLOWED: "unauthorized",
    _K.API_AUTHENTICATION_ERROR: "unauthorized",
    _K.API_NOT_FOUND: "api",
    _K.API_ERROR: "api",
    _K.FILE_WRITE_ERROR: "resources",
    _K.STREAM_READ_ERROR: "connection",
    _K.SYSTEM_DEPENDENCY_MISSING: "resources",
    _K.SYSTEM_ERROR: "internal_error",
    _K.HEARTBEAT_TIMEOUT: "resources",
    _K.CHUNK_TIMEOUT: "resources",
    _K.WORKER_LOST: "resources",
    _K.SERVER_STOPPED: "resources",
    _K.STOP_REQUESTED: "resources",
}


def job_word(status: JobStatus) -> str:
    """REST's word for the status: the stored words are its own."""
    return status.value


def task_word(status: TaskStatus) -> str:
    """REST's word for the status; it has none for a task that is paused, waits, or stands by (DESIGN §5)."""
    match status:
        case TaskStatus.PAUSED | TaskStatus.WAITING:
            return "running"
        case TaskStatus.STANDBY_PENDING:
            return "pending"
        case (
            TaskStatus.PENDING
            | TaskStatus.QUEUED
            | TaskStatus.RUNNING
            | TaskStatus.COMPLETE
            | TaskStatus.FAILED
            | TaskStatus.ABORTED
        ):
            return status.value
        case unknown:
            assert_never(unknown)


async def category_names(house: House, principal: Principal) -> dict[str, str]:
    """What the engine categories are called, by id."""
    return {category.id: category.name for category in await engines.categories(house, principal)}


def job_detail(house: House, principal: Principal, job: Job, categories: dict[str, str]) -> JobDetail:
    """The job with its tasks and routes, everything absent left out."""
    echo, legacy = job.plan.echo, job.plan.legacy
    priorities = [task.plan.priority for task in job.tasks]
    retries = [task.plan.max_retries for task in job.tasks if task.plan.max_retries is not None]
    return JobDetail(
        internal_job_id=ids.job_uuid(job.id),
        internal_organization_id=ids.organization_uuid(job.organization_id),
        core_job_id=echo.get("coreJobID") or ids.job_graphql(job.id),
        core_id=echo.get("coreID"),
        core_recording_id=job.target_id,
        core_source_id=_number(echo.get("coreSourceID")),
        core_scheduled_job_id=job.scheduled_job_id,
        internal_scheduled_job_id=optional(ids.schedule_uuid, job.scheduled_job_id),
        job_template_id=optional(ids.job_uuid, job.template_id),
        slot_date_time=optional(times.rest, job.slot_at),
        job_status=job_word(job.status),
        priority=min(priorities, default=0),
        max_retries=max(retries, default=None),
        is_template=False,
        job_config_json=echo.get("jobConfigJSON"),
        send_output_to_uris=echo.get("sendOutputToUris"),
        due_date_time=optional(times.rest, job.due_at),
        created_date_time=times.rest(job.created_at),
        modified_date_time=times.rest(job.modified_at),
        started_date_time=optional(times.rest, job.started_at),
        completed_date_time=optional(times.rest, job.completed_at),
        aborted_date_time=optional(times.rest, job.aborted_at),
        paused_date_time=optional(times.rest, job.paused_at),
        stop_requested_date_time=optional(times.rest, job.stop_requested_at),
        stopping=job.stopping if job.stop_requested_at is not None else None,
        retry_of=optional(ids.job_uuid, job.retry_of),
        root_job_id=optional(ids.job_uuid, job.root_of),
        retries=[ids.job_uuid(retry) for retry in job.retries] or None,
        task_routes=[] if legacy else [_route(job, route) for route in job.plan.routes],
        tasks=[task_detail(house, principal, job, task, categories) for task in job.tasks],
    )


def task_detail(house: House, principal: Principal, job: Job, task: Task, categories: dict[str, str]) -> TaskDetail:
    """The task with its folders, everything absent left out."""
    plan, echo = task.plan, task.plan.echo
    engine = engines.find(house, principal, plan.engine_id)
    category = engine.spec.category_id if engine is not None else None
    parents = [r.parent for r in job.plan.routes if r.child == task.ordinal and r.parent >= 0]
    children = dict.fromkeys(r.child for r in job.plan.routes if r.parent == task.ordinal)
    payload = optional(json_text, plan.payload)
    return TaskDetail(
        internal_task_id=ids.task_uuid(job.id, task.ordinal),
        internal_job_id=ids.job_uuid(job.id),
        internal_organization_id=ids.organization_uuid(job.organization_id),
        core_job_id=job.plan.echo.get("coreJobID") or ids.job_graphql(job.id),
        core_task_id=echo.get("coreTaskId") or ids.task_graphql(job.id, task.ordinal),
        core_recording_id=job.target_id,
        correlation_task_id=plan.reference,
        engine_id=plan.engine_id,
        engine_name=engine.spec.name if engine is not None else None,
        engine_category_id=category,
        engine_category_name=categories.get(category or ""),
        task_status=task_word(task.status),
        failure_reason=reason(task.failure_reason) if task.status is TaskStatus.FAILED else "none",
        failure_detail=task.failure_message,
        priority=plan.priority,
        max_engines=plan.max_engines or (2 if plan.parallel else 1),
        max_retries=plan.max_retries,
        current_retries=_retries(task),
        error_count=task.items_failed,
        parallel_processing=plan.parallel,
        parent_must_be_complete_before_starting=plan.parents_first,
        num_chunks_per_work_item=echo.get("numChunksPerWorkItem"),
        max_processing_seconds_per_work_item=plan.timeout_seconds,
        max_wait_seconds_for_chunk=echo.get("maxWaitSecondsForChunk"),
        parent_task_id=ids.task_uuid(job.id, parents[0]) if parents else None,
        child_task_ids=[ids.task_uuid(job.id, child) for child in children],
        io_folders=[] if job.plan.legacy else _folders(job, task),
        chunk_count_info=ChunkCounts(
            chunk_to_process_count=task.items,
            chunk_completed_count=task.items_done,
            chunk_remaining_count=task.items_open,
            error_count=task.items_failed,
            retry_count=_retries(task),
        ),
        payload_json=echo.get("payloadJSON") or payload,
        task_payload_json=None if echo.get("onlyPayloadJSON") else payload,
        reused_from=_reused(task),
        task_output=optional(json_text, task.output),
        send_output_to_uris=echo.get("sendOutputToUris"),
        is_template=False,
        due_date_time=optional(times.rest, plan.due_at),
        created_date_time=times.rest(task.created_at),
        modified_date_time=times.rest(task.modified_at),
        started_date_time=optional(times.rest, task.started_at),
        completed_date_time=optional(times.rest, task.completed_at),
        aborted_date_time=optional(times.rest, task.aborted_at),
    )


def _reused(task: Task) -> ReusedFrom | None:
    if task.reused_from is None:
        return None
    return ReusedFrom(
        internal_job_id=ids.job_uuid(task.reused_from),
        internal_task_id=ids.task_uuid(task.reused_from, task.ordinal),
    )


def _folders(job: Job, task: Task) -> list[Folder]:
    created, modified = times.rest(task.created_at), times.rest(task.modified_at)
    return [
        Folder(
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


def _route(job: Job, route: PlannedRoute) -> Route:
    """A route by the ids of its tasks and folders. A side of a task without such a folder names the task alone."""
    return Route(
        task_parent_id=ids.task_uuid(job.id, route.parent) if route.parent >= 0 else None,
        task_parent_output_id=_folder_id(job, route.parent, route.parent_folder, FolderType.OUTPUT),
        task_child_id=ids.task_uuid(job.id, route.child),
        task_child_input_id=_folder_id(job, route.child, route.child_folder, FolderType.INPUT),
        endpoint=route.echo.get("endpoint"),
        sync_enabled=route.echo.get("syncEnabled"),
        sync_timeout_in_seconds=route.echo.get("syncTimeoutInSeconds"),
        chunk_callback_enabled=route.echo.get("chunkCallbackEnabled"),
    )


def _folder_id(job: Job, ordinal: int, position: int, side: FolderType) -> str | None:
    folders = job.plan.tasks[ordinal].folders if ordinal >= 0 else ()
    if not 0 <= position < len(folders) or folders[position].type is not side:
        return None
    return ids.folder_uuid(job.id, ordinal, position)


def reason(kind: str | None) -> str:
    """REST's word for why a task failed; `unknown` where there is none for it."""
    return _REASONS.get(kind or "", "unknown")


def _retries(task: Task) -> int:
    """Attempts beyond the first one of every item there is, as far as that is known while items are still running."""
    return max(0, task.attempts - max(1, task.items))


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None
