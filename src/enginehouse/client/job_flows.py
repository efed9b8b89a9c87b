"""The requests about jobs, as flows: one text of them for both clients."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from enginehouse.client.calls import ClientCall, Flow, Pause, ServerInterface, decoded
from enginehouse.client.failure import Json
from enginehouse.client.paths import edge, v1
from enginehouse.client.records import (
    Cancellation,
    JobEvent,
    JobReceipt,
    JobRecord,
    JobResult,
    RangeCancellation,
    RecordPage,
)

_WARNINGS: Final = "x-enginehouse-warning"
_FIRST_LOOK, _SLOWEST_LOOK = 0.05, 1.0  # seconds between two looks at a job
_RETRY: Final = "mutation($id: ID!) { retryJob(id: $id) { id } }"
_KINDS: Final = {"running": "started", "complete": "completed"}  # of an event, by the status of which it tells


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task of a new job: an engine, by its id or slug, and what it works on.

    `inputs` and `outputs` are its folders: the name of each, and `stream` or `chunk`. `options` are further fields of a
    task in `POST /edge/v1/proc/job/create`, such as `maxRetries`.
    """

    engine: str
    payload: Mapping[str, Any] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def body_of(
    tasks: Sequence[TaskSpec], routes: Sequence[tuple[str, str]], target: str | None, options: Mapping[str, Any]
) -> Json:
    """Returns the job as `POST /edge/v1/proc/job/create` takes it. A route names two folders. Raises ValueError."""
    makers = {name: str(number) for number, task in enumerate(tasks) for name in task.outputs}
    takers = {name: str(number) for number, task in enumerate(tasks) for name in task.inputs}
    unknown = [out for out, _ in routes if out not in makers] + [in_ for _, in_ in routes if in_ not in takers]
    if unknown:
        raise ValueError(f"routes: no output or input folder of a task is called {', '.join(map(repr, unknown))}.")
    job: Json = {"tasks": [_task(str(number), task) for number, task in enumerate(tasks)], **options}
    if routes:
        job["taskRoutes"] = [
            {
                "taskParentId": makers[out],
                "taskParentOutputId": out,
                "taskChildId": takers[in_],
                "taskChildInputId": in_,
            }
            for out, in_ in routes
        ]
    if target is not None:
        job["coreRecordingID"] = target
    return job


def _task(number: str, task: TaskSpec) -> Json:
    sent: Json = {"engineId": task.engine, "correlationTaskId": number}
    if task.payload is not None:
        sent["taskPayloadJSON"] = json.dumps(task.payload)
    folders = [(task.inputs, "input"), (task.outputs, "output")]
    if task.inputs or task.outputs:
        sent["ioFolders"] = [
            {"correlationID": name, "mode": mode, "type": type_}
            for names, type_ in folders
            for name, mode in names.items()
        ]
    return sent | dict(task.options)


def create(to: ServerInterface, bodies: Sequence[Json], key: str | None) -> Flow[list[JobReceipt]]:
    """All jobs are durable, or none. Returns them in the same order."""
    call = ClientCall("POST", edge("job", "create"), body={"jobs": list(bodies)}, key=to.key(key))
    reply = yield from to.send(call)
    warnings = [unquote(text) for text in reply.headers.get(_WARNINGS, "").split("\n") if text]
    return [JobReceipt(id_, warnings) for id_ in decoded(reply, list[str], ("internalJobIds",))]


def get(to: ServerInterface, job_id: str) -> Flow[JobRecord]:
    """Returns the job and its tasks."""
    if to.is_aiware:
        return (yield from to.read(ClientCall("GET", edge("job", job_id, "detail")), JobRecord, "job"))
    return (yield from to.read(ClientCall("GET", v1("jobs", job_id)), JobRecord, "result"))


def status(to: ServerInterface, job_id: str) -> Flow[str]:
    """Returns the status of the job."""
    return (yield from to.read(ClientCall("GET", edge("job", job_id, "status")), str, "job", "jobStatus"))


@dataclass(slots=True)
class JobPages:
    """The pages of a list of jobs. Jobs created after the first page are on none, so that no job comes twice."""

    to: ServerInterface
    status: str | None
    created_after: datetime | None
    created_before: datetime | None

    def page(self, offset: int, limit: int) -> Flow[RecordPage[JobRecord]]:
        """Returns jobs from `offset` on, newest first."""
        query = {
            "status": self.status,
            "CreatedAfter": moment(self.created_after),
            "CreatedBefore": moment(self.created_before),
            "limit": limit,
            "offset": offset,
        }
        found = yield from self.to.read(ClientCall("GET", edge("jobs"), query), RecordPage[JobRecord])
        if found.result and self.created_before is None and not self.to.is_aiware:
            self.created_before = found.result[0].created_at
        return found


def wait(to: ServerInterface, job_id: str, timeout: float | None) -> Flow[JobRecord]:
    """The job has ended. Returns it. Raises TimeoutError if it has not, so many seconds later."""
    began, pause = time.monotonic(), _FIRST_LOOK
    while (yield from status(to, job_id)) not in ("complete", "failed", "aborted"):
        left = None if timeout is None else timeout - (time.monotonic() - began)
        if left is not None and left <= 0:
            raise TimeoutError(f"job {job_id} has not ended within {timeout:g} s")
        yield Pause(pause if left is None else min(pause, left))
        pause = min(_SLOWEST_LOOK, pause * 1.5)
    return (yield from get(to, job_id))


def look(to: ServerInterface, job_id: str, seen: dict[str, str]) -> Flow[tuple[list[JobEvent], bool]]:
    """Returns what has happened since `seen` (statuses by id), and whether the job has ended. For aiWARE.

    The first look returns at once; a later one comes after a pause.
    """
    if seen:
        yield Pause(_SLOWEST_LOOK)
    job = yield from get(to, job_id)
    events = [
        JobEvent(_KINDS.get(task.status, task.status), job_id=job.id, task=number, task_id=task.id)
        for number, task in enumerate(job.tasks)
        if seen.get(task.id) != task.status
    ]
    if seen.get(job.id) != job.status:
        events.append(JobEvent(_KINDS.get(job.status, job.status), job_id=job.id))
    seen |= {task.id: task.status for task in job.tasks} | {job.id: job.status}
    return events, job.has_ended


def cancel(to: ServerInterface, job_id: str, *, include_running: bool) -> Flow[Cancellation]:
    """The job is cancelled. A second call changes nothing."""
    body: Json = {"jobID": job_id}
    if include_running:
        to.only_here("stop running tasks")
        body["includeRunning"] = True
    call = ClientCall("POST", edge("jobs", "cancel"), body=body, is_repeatable=True)
    return (yield from to.read(call, Cancellation))


def cancel_many(
    to: ServerInterface, after: datetime, before: datetime, *, organization: str | None, include_running: bool,
    dry_run: bool, confirm_count: int | None, key: str | None,
) -> Flow[RangeCancellation]:  # fmt: skip
    """Every job that was created between the two moments and has not started is cancelled."""
    body: Json = {"createdAfterDateTime": moment(after), "createdBeforeDateTime": moment(before)}
    if organization is not None:
        body["organizationID"] = organization
    if to.is_aiware:
        if organization is None:
            raise ValueError("organization: aiWARE's interface needs one.")
        if include_running or dry_run or confirm_count is not None:
            to.only_here("count before, confirm, or stop running tasks")
        # A second call finds nothing that the first has cancelled.
        call = ClientCall("POST", edge("jobs", "cancel"), body=body, is_repeatable=True)
        return (yield from to.read(call, RangeCancellation))
    more = {"includeRunning": include_running, "dryRun": dry_run, "confirmCount": confirm_count}
    body |= {name: value for name, value in more.items() if value not in (None, False)}
    call = ClientCall(
        "POST", v1("jobs", "cancel"), body=body, key=None if dry_run else to.key(key), is_repeatable=dry_run
    )
    return (yield from to.read(call, RangeCancellation, "result"))


def retry(to: ServerInterface, job_id: str, *, only_failed: bool, key: str | None) -> Flow[JobReceipt]:
    """A new job does the same work again. Returns it."""
    if to.is_aiware:
        if only_failed:
            to.only_here("retry only failed tasks")
        to.key(key)
        return (yield from to.graphql(_RETRY, {"id": job_id}, JobReceipt, "retryJob"))
    call = ClientCall("POST", v1("jobs", job_id, "retry"), body={"onlyFailed": only_failed}, key=to.key(key))
    return JobReceipt((yield from to.read(call, str, "result", "internalJobID")))


def results(to: ServerInterface, job_id: str) -> Flow[list[JobResult]]:
    """Returns the outputs that the job has published so far."""
    return (
        yield from to.read(ClientCall("GET", edge("job", job_id, "outputs")), list[JobResult], "outputs", "outputs")
    )


def written(to: ServerInterface, job_id: str, form: str, output: str | None) -> Flow[str]:
    """Returns what the engines of the job have found, in this form."""
    to.only_here("show a result in another form")
    call = ClientCall("GET", v1("jobs", job_id, "results"), {"format": form, "output": output})
    return (yield from to.send(call)).content.decode()


def content(to: ServerInterface, job_id: str, name: str) -> Flow[bytes]:
    """Returns the bytes of an output."""
    return (yield from to.send(ClientCall("GET", result_path(job_id, name)))).content


def result_path(job_id: str, name: str) -> str:
    """Returns where the bytes of an output are."""
    return edge("job", job_id, "download", name)


def moment(at: datetime | None) -> str | None:
    """Returns the time as it is sent. Raises ValueError if it has no zone."""
    if at is not None and at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone: give one, such as datetime.UTC.")
    return None if at is None else at.isoformat()
