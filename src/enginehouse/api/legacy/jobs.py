"""Jobs under `/v1/job`: create, get, list, retry, cancel.

Only the requests are published (with the JavaScript client). The responses have the names of the requests, and times in
seconds. A body is JSON under any label, because that client sends the label of a form.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import job_request
from enginehouse.domain import ids, times
from enginehouse.domain.job import Job, JobFilter, Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.spelling import LEGACY
from enginehouse.operations import jobs


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a new job: an engine or the type of its task, and what the engine gets."""

    engine_id: str | None = msgspec.field(default=None, name="engineId")
    task_type: str | None = msgspec.field(default=None, name="taskType")
    task_payload: Any = msgspec.field(default=None, name="taskPayload")
    payload: Any = None


class NewLegacyJob(msgspec.Struct, frozen=True, kw_only=True):
    """A new job. `recording_id` is its target."""

    tasks: list[NewTask]
    recording_id: str | None = msgspec.field(default=None, name="recordingId")
    is_reprocess_job: bool | None = msgspec.field(default=None, name="isReprocessJob")


_NEW: Final = Body(NewLegacyJob)


async def create(call: Call) -> Reply:
    """POST job: the job is durable."""
    raw = await http_body.read(call.receive, length=call.headers.content_length)
    new, problems = _NEW.judged(raw)
    fields = {
        "tasks": [_task_input(task) for task in new.tasks],
        "targetId": new.recording_id,
        "isReprocessJob": new.is_reprocess_job,
    }
    request = msgspec.structs.replace(job_request(fields), spelling=LEGACY)
    [created] = await jobs.create(call.house, call.principal, [request], found=problems, key=call.key)
    return await _shown(call, created.job_id, replayed=created.replayed)


async def get(call: Call) -> Reply:
    """GET job/{JobID}."""
    return json(_view(await jobs.get(call.house, call.principal, refs.job(call.id))))


async def list_jobs(call: Call) -> Reply:
    """GET job: a page of the organization's jobs, the newest first."""
    return await _page(call, None)


async def list_of_target(call: Call) -> Reply:
    """GET job/recording/{RecordingID}: a page of the jobs of a target."""
    target = ids.parse_number(call.id)
    return await _page(call, -1 if target is None else target)


async def retry(call: Call) -> Reply:
    """PUT job/{JobID}/retry and job/{JobID}/restart: a new job does the same work again."""
    await http_body.read(call.receive, length=call.headers.content_length)
    created = await jobs.retry(call.house, call.principal, refs.job(call.id), key=call.key)
    return await _shown(call, created.job_id, replayed=created.replayed)


async def cancel(call: Call) -> Reply:
    """DELETE job/{JobID}: none of its tasks starts any more."""
    ref = refs.job(call.id)
    await jobs.cancel(call.house, call.principal, ref)
    return await _shown(call, ref.number)


async def _page(call: Call, target_id: int | None) -> Reply:
    query = Query(call.query)
    offset, limit = query.page()
    query.finish()
    page = await jobs.list_(call.house, call.principal, JobFilter(target_id=target_id, offset=offset, limit=limit))
    found = [_view(job) for job in page.jobs]
    return json({"jobs": found, "offset": offset, "limit": limit, "count": len(found)})


async def _shown(call: Call, job_id: int, *, replayed: bool = False) -> Reply:
    return json(_view(await jobs.get(call.house, call.principal, Ref.of(job_id))), replayed=replayed)


def _task_input(task: NewTask) -> dict[str, Any]:
    payload = task.payload if task.task_payload is None else task.task_payload
    return {"engineId": task.engine_id, "taskType": task.task_type, "payload": payload}


def _view(job: Job) -> dict[str, Any]:
    return _present([
        ("jobId", ids.job_graphql(job.id)),
        ("recordingId", None if job.target_id is None else str(job.target_id)),
        ("status", job.status.value),
        ("tasks", [task_view(task) for task in job.shown]),
        ("createdDateTime", job.created_at),
        ("modifiedDateTime", job.modified_at),
        ("startedDateTime", job.started_at),
        ("completedDateTime", job.completed_at),
    ])  # fmt: skip


def task_view(task: Task) -> dict[str, Any]:
    """Returns the task with the names of the requests."""
    return _present([
        ("taskId", ids.task_graphql(task.job_id, task.ordinal)),
        ("engineId", task.plan.engine_id),
        ("taskStatus", task.status.value),
        ("taskPayload", task.plan.payload),
        ("failureReason", task.failure_reason),
        ("failureMessage", task.failure_message),
        ("createdDateTime", task.created_at),
        ("modifiedDateTime", task.modified_at),
        ("startedDateTime", task.started_at),
        ("completedDateTime", task.completed_at),
    ])  # fmt: skip


def _present(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the fields that have a value, with moments in seconds."""
    return {
        name: times.unix_seconds(value) if name.endswith("DateTime") else value
        for name, value in fields
        if value is not None
    }
