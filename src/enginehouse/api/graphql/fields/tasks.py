"""The queries `task` and `tasks`, and the fields of a Task."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from ariadne import ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain.documents import is_json
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.ids import job_graphql, parse_task, task_graphql
from enginehouse.domain.job import Job, Task
from enginehouse.domain.log_text import cut_end, without_half_character
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.signatures import Purpose
from enginehouse.domain.task_updates import TaskSaid
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import artifacts, engines, jobs, task_templates, task_updates
from enginehouse.operations.house import House

query, task_type = QueryType(), ObjectType("Task")

_PAGE: Final = 30  # tasks: this list has no arguments for a page
_LOG_BYTES: Final = 1024 * 1024


@query.field("task")
async def get_task(_: object, info: Info, id: str) -> Task:
    """Returns the task with this id."""
    context = info.context
    principal = context.principal
    ref = await refs.named_task(context.house, principal, id)
    job, task = await jobs.task(context.house, principal, ref)
    context.jobs.prime(job.id, job)
    return task


@query.field("tasks")
async def list_tasks(_: object, info: Info, id: str | None = None, **args: Any) -> paging.Page:
    """Returns the tasks that both filters find, the newest first."""
    context, template = info.context, args.get("taskTemplateId")
    if id is None and template is None:
        raise InvalidInput("give id or taskTemplateId.")
    found: Sequence[Task] = ()
    if template is not None and (key := parse_task(template)) is not None:
        found = await task_templates.tasks_of(context.house, context.principal, *key, limit=_PAGE)
    if id is not None:
        with suppress(NotFound):
            ref = await refs.named_task(context.house, context.principal, id)
            job, task = await jobs.task(context.house, context.principal, ref)
            context.jobs.prime(job.id, job)
            found = [each for each in found if each == task] if template is not None else [task]
    return paging.page(found, 0, _PAGE, paging.TASKS)


@task_type.field("job")
def job_of(task: Task, info: Info) -> Any:
    """Returns the job of the task."""
    return info.context.jobs.load(task.job_id)


@task_type.field("targetId")
async def target_id_of(task: Task, info: Info) -> int | None:
    """Returns the target of the task's job."""
    return (await _job(task, info)).target_id


@task_type.field("target")
async def target_of(task: Task, info: Info) -> Any:
    """Returns the target of the task's job."""
    target_id = (await _job(task, info)).target_id
    return None if target_id is None else await info.context.targets.get(target_id)


async def _job(task: Task, info: Info) -> Job:
    job = await info.context.jobs.get(task.job_id)
    if job is None:
        raise NotFound("Job", job_graphql(task.job_id))
    return job


@task_type.field("engine")
def engine_of(task: Task, info: Info) -> Any:
    """Returns the engine of the task, null if the caller may not see it."""
    context = info.context
    return engines.shown(context.house, context.principal, task.plan.engine_id)


@task_type.field("applicationId")
async def application_of(_: Task, info: Info) -> str:
    """Returns the application id of the organization."""
    _user, organization = await info.context.me()
    return organization.application_id


@task_type.field("log")
async def log_of(task: Task, info: Info) -> dict[str, Any] | None:
    """Returns what the engine has printed, attempt by attempt, at most 1 MiB, null before the first attempt."""
    context = info.context
    files = await artifacts.logs(context.house, context.principal, TaskRef.of(task.job_id, task.ordinal))
    if not files:
        return None
    text = await _read(context.house, files)
    uri = await context.signed(Purpose.GET_LOG, task_graphql(task.job_id, task.ordinal))
    return {"uri": uri, "text": text, "jsondata": {"text": text}}


async def _read(house: House, files: Sequence[artifacts.LogFile]) -> str:
    """Returns the logs one after the other. The end falls between two lines."""
    logs = bytearray()
    for file in files:
        if logs and not logs.endswith(b"\n"):
            logs += b"\n"  # the next attempt begins a line
        with suppress(NotFound):  # retention has deleted it meanwhile
            logs += await artifacts.read_log(house, file, _LOG_BYTES - len(logs) + 1)
        if len(logs) > _LOG_BYTES:
            break
    return without_half_character(cut_end(bytes(logs), _LOG_BYTES)).decode("utf-8", "replace")


@task_type.field("output")
@task_type.field("taskOutput")
async def output_of(task: Task, info: Info) -> Any:
    """Returns what the engine reported as output, else the document that the task has made, and its `infoMsg`.

    It is null if there is none of them. A task that worked chunk by chunk has no document.
    """
    said = await info.context.task_outputs.get(task_updates.key_of(task)) or TaskSaid()
    if said.output is not None or info.context.principal.task is not None:
        return said.shown()  # a token for a task reads no stored documents
    artifact = await info.context.results.get((task.job_id, task.ordinal))
    if artifact is None or not is_json(artifact.media_type):
        return said.shown()
    return said.shown(await artifacts.document(info.context.house, artifact))


@task_type.field("runtimePayload")
async def runtime_payload_of(task: Task, info: Info) -> Any:
    """Returns the payload of the last pollTask."""
    return await info.context.task_polls.get((task.job_id, task.ordinal))


@task_type.field("outputString")
async def output_text_of(task: Task, info: Info) -> str | None:
    """Returns `output` as JSON text."""
    return optional(json_text, await output_of(task, info))


@task_type.field("ioFolders")
async def folders_of(task: Task, info: Info) -> list[dict[str, Any]]:
    """Returns the folders of the request, but not those that the server created for a plain list of tasks."""
    if (await _job(task, info)).plan.legacy:
        return []
    return [{"referenceId": folder.reference, "mode": folder.mode, "type": folder.type} for folder in task.plan.folders]


@task_type.field("standbyForTask")
async def standby_for(task: Task, info: Info) -> Task | None:
    """Returns the task whose standby this one is."""
    ordinal = task.plan.standby_for
    return None if ordinal is None else (await _job(task, info)).tasks[ordinal]


@task_type.field("standbyTask")
async def standby_of(task: Task, info: Info) -> Task | None:
    """Returns the standby of this task."""
    job = await _job(task, info)
    return next((other for other in job.shown if other.plan.standby_for == task.ordinal), None)


@task_type.field("childTasks")
async def children_of(task: Task, info: Info) -> list[Task]:
    """Returns the tasks that work on the output of this one."""
    job = await _job(task, info)
    return [job.tasks[ordinal] for ordinal in _children(job, task)]


@task_type.field("childTaskIds")
async def child_ids_of(task: Task, info: Info) -> list[str]:
    """Returns the tasks that work on the output of this one."""
    return [task_graphql(task.job_id, ordinal) for ordinal in _children(await _job(task, info), task)]


@task_type.field("parentTask")
async def parent_of(task: Task, info: Info) -> Task | None:
    """Returns the first of the tasks whose output this one works on."""
    job = await _job(task, info)
    parent = _parent(job, task)
    return None if parent is None else job.tasks[parent]


@task_type.field("parentTaskId")
async def parent_id_of(task: Task, info: Info) -> str | None:
    """Returns the first of the tasks whose output this one works on."""
    parent = _parent(await _job(task, info), task)
    return None if parent is None else task_graphql(task.job_id, parent)


def _children(job: Job, task: Task) -> list[int]:
    return sorted({route.child for route in job.shown_routes if route.parent == task.ordinal})


def _parent(job: Job, task: Task) -> int | None:
    parents = (route.parent for route in job.shown_routes if route.child == task.ordinal and route.parent >= 0)
    return min(parents, default=None)


# The contract has a word for each kind of failure, except for some of our own.
_REASONS: Final = {kind.value: kind.value for kind in FailureKind} | {
    FailureKind.WORKER_LOST.value: FailureKind.HEARTBEAT_TIMEOUT.value,
    FailureKind.SERVER_STOPPED.value: FailureKind.SYSTEM_ERROR.value,
    FailureKind.NOT_STARTED.value: FailureKind.SYSTEM_ERROR.value,
    FailureKind.ENGINE_UNAVAILABLE.value: FailureKind.URL_CONNECTION_REFUSED.value,
    FailureKind.STORE_UNAVAILABLE.value: FailureKind.STREAM_READ_ERROR.value,
    FailureKind.UNSUPPORTED_TYPE.value: FailureKind.INVALID_DATA.value,
}


def _failure_reason(task: Task, _: Info) -> str | None:
    """Returns why the task failed.

    It is null for a task that was aborted because of another one; its message says so.
    """
    return _REASONS.get(task.failure_reason or "")


def _preferences(task: Task, _: Info) -> dict[str, Any]:
    plan = task.plan
    return {
        "priority": plan.priority,
        "maxRetries": plan.max_retries,
        "maxEngines": plan.max_engines,
        "parallelProcessing": plan.parallel,
        "dueDateTime": optional(graphql_millis, plan.due_at),
        "parentCompleteBeforeStarting": plan.parents_first,
    }


task_type.set_field("id", lambda task, _: task_graphql(task.job_id, task.ordinal))
task_type.set_field("status", lambda task, _: task.status)
task_type.set_field("name", lambda task, _: task.plan.name)
task_type.set_field("order", lambda task, _: task.ordinal)
task_type.set_field("jobId", lambda task, _: job_graphql(task.job_id))
task_type.set_field("engineId", lambda task, _: task.plan.engine_id)
task_type.set_field("createdDateTime", lambda task, _: graphql_millis(task.created_at))
task_type.set_field("modifiedDateTime", lambda task, _: graphql_millis(task.modified_at))
task_type.set_field("queuedDateTime", lambda task, _: optional(graphql_millis, task.queued_at))
task_type.set_field("startedDateTime", lambda task, _: optional(graphql_millis, task.started_at))
task_type.set_field("completedDateTime", lambda task, _: optional(graphql_millis, task.completed_at))
task_type.set_field("payload", lambda task, _: task.plan.payload)
task_type.set_field("taskPayload", lambda task, _: task.plan.payload)
task_type.set_field("payloadString", lambda task, _: optional(json_text, task.plan.payload))
task_type.set_field("isClone", lambda task, _: task.plan.echo.get("isClone"))
task_type.set_field("templateId", lambda task, _: task.plan.echo.get("templateId"))
task_type.set_field("referenceId", lambda task, _: task.plan.reference)
task_type.set_field("buildId", lambda task, _: task.plan.echo.get("buildId"))
task_type.set_field("testTask", lambda task, _: task.plan.echo.get("testTask"))
task_type.set_field("failureReason", _failure_reason)
task_type.set_field("failureMessage", lambda task, _: task.failure_message)
task_type.set_field("executionPreferences", _preferences)

OF_ITSELF: Final = frozenset({
    "id", "status", "name", "order", "jobId", "engineId", "createdDateTime", "modifiedDateTime", "queuedDateTime",
    "startedDateTime", "completedDateTime", "referenceId", "failureReason", "failureMessage",
})  # fmt: skip
"""The fields that follow from the task alone, whoever reads them and when. What is answered about them is kept."""

BINDABLES: Final = [query, task_type]
