"""The JSON body of a message: which event it is, when it happened, and the job and task that it is about."""

from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain import ids, times
from enginehouse.domain.event import EventKind
from enginehouse.domain.job import Plan

SYSTEM: Final = "system"  # the application of the server's own events
JOB_EVENT: Final = "job"
TASK_EVENT: Final = "task"
_ENDS: Final = {EventKind.COMPLETED: "Completed", EventKind.FAILED: "Failed", EventKind.ABORTED: "Aborted"}
SYSTEM_EVENTS: Final = {JOB_EVENT: tuple(f"Job{end}" for end in _ENDS.values())} | {
    TASK_EVENT: tuple(f"Task{end}" for end in _ENDS.values())
}
"""The names of the server's own events by their type."""

TOPIC: Final = "topic"  # the type of what `emitSystemEvent` emits; the name is the topic
ENDS: Final = frozenset(_ENDS)
_encode: Final = msgspec.json.Encoder().encode


class EventName(NamedTuple):
    """The full name of an event."""

    application: str
    type: str
    name: str


class EndedJob(NamedTuple):
    """A job's row when the message is written. Times in µs."""

    id: int
    organization_id: int
    status: str
    target_id: int | None
    created_at: int
    started_at: int | None
    completed_at: int | None
    aborted_at: int | None


class EndedTask(NamedTuple):
    """A task's row when the message is written."""

    job_id: int
    ordinal: int
    status: str
    engine_id: str
    started_at: int | None
    completed_at: int | None
    aborted_at: int | None
    failure_reason: str | None
    failure_message: str | None


def system_event(kind: EventKind, *, of_task: bool) -> EventName:
    """Returns the name of the event that a job or a task has ended."""
    end = _ENDS[kind]
    return EventName(SYSTEM, TASK_EVENT, f"Task{end}") if of_task else EventName(SYSTEM, JOB_EVENT, f"Job{end}")


def document(event: EventName, at: int, data: Any) -> dict[str, Any]:
    """Returns the document of a message. `at` is when the event happened (µs)."""
    return {
        "application": event.application,
        "eventType": event.type,
        "eventName": event.name,
        "timestamp": times.rest(at),
        "data": data,
    }


def encoded(message: dict[str, Any]) -> str:
    """Returns the body as it is signed and sent."""
    return _encode(message).decode()


def data_of(job: EndedJob, plan: Plan, task: EndedTask | None) -> dict[str, Any]:
    """Returns the data of a message about a job, or about one of its tasks. Fields without a value are left out."""
    row = job if task is None else task
    data: dict[str, Any] = {
        "jobId": ids.job_graphql(job.id),
        "internalJobID": ids.job_uuid(job.id),
        "organizationId": str(job.organization_id),
        "targetId": None if job.target_id is None else str(job.target_id),
        "jobName": plan.name,
        "status": row.status,
        "createdDateTime": times.rest(job.created_at),
        "startedDateTime": _time(row.started_at),
        "completedDateTime": _time(row.completed_at),
        "abortedDateTime": _time(row.aborted_at),
    }
    if task is not None:
        data |= {
            "taskId": ids.task_graphql(job.id, task.ordinal),
            "internalTaskID": ids.task_uuid(job.id, task.ordinal),
            "taskName": plan.tasks[task.ordinal].name,
            "correlationTaskId": plan.tasks[task.ordinal].reference,
            "engineId": task.engine_id,
            "failureReason": task.failure_reason,
            "failureMessage": task.failure_message,
        }
    return {name: value for name, value in data.items() if value is not None}


def _time(micros: int | None) -> str | None:
    return None if micros is None else times.rest(micros)
