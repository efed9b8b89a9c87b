"""Updates of tasks: an engine that no worker of this server runs claims its task, prolongs the lease, and reports."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from enginehouse.domain.documents import DEEPEST_PUBLISHED, DocumentError, read_document
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Task
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.task_updates import (
    INFO,
    LARGEST_INFO,
    OUTSIDE,
    TaskSaid,
    TaskUpdate,
    UpdateOutcome,
    UpdateStatus,
)
from enginehouse.domain.webhooks.delivery import MOST_URIS
from enginehouse.domain.work import Lease
from enginehouse.operations import bounds, jobs, webhooks
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_for_jobs, require_for_task
from enginehouse.operations.references import not_found
from enginehouse.operations.work import MICROS
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.work import task_updates as storage

TaskKey = tuple[int, int]
"""A task by job and ordinal."""

_SETTABLE: Final = ", ".join(UpdateStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRequest:
    """What a client asks for; `status` is any word. `has_output`: `output` is the new output, which may be null."""

    status: str
    job: Ref | None = None
    output: Any = None
    has_output: bool = False
    failure_reason: str | None = None
    failure_message: str | None = None
    client_time: int | None = None
    notification_uris: tuple[str, ...] = ()


@trail.mutation("updateTask", "Task", names="ref")
async def update(
    house: House, principal: Principal, ref: TaskRef, request: UpdateRequest, *, found: Sequence[Problem] = ()
) -> Task:
    """Applies what an engine reports about its task, and returns the task. `found` are problems of the entrance.

    `running` claims the task, and each further call prolongs the lease. `complete` and `failed` end it for good; a
    repeated one changes nothing, like one whose `client_time` is before the last change. Raises NotFound, and
    InvalidInput if the task is not the caller's to move or takes no update now.
    """
    require_for_task(principal, Role.USER, ref.job_id, ref.ordinal)
    await jobs.task(house, principal, ref)
    bounds.refuse(_problems(ref, request) + _uri_problems(house, request), found)
    await apply(house, principal, _update(principal, ref, request), event="updateTask", ref=ref)
    _job, task = await jobs.task(house, principal, ref)
    return task


@trail.mutation("pollTask", "Task", names="ref")
async def poll(
    house: House, principal: Principal, ref: TaskRef, *, job: Ref, payload: Any, found: Sequence[Problem] = ()
) -> Task:
    """Keeps the payload as that of the task's last poll, and claims the task or prolongs its lease; as `update` does.

    The payload is JSON, None for none; a poll without one leaves the last payload.
    """
    require_for_task(principal, Role.USER, ref.job_id, ref.ordinal)
    await jobs.task(house, principal, ref)
    request = UpdateRequest(status=UpdateStatus.RUNNING.value, job=job)
    bounds.refuse([*_problems(ref, request), *output_problems("pollPayload", payload)], found)
    text = None if payload is None else msgspec.json.encode(payload).decode()
    update_ = msgspec.structs.replace(_update(principal, ref, request), poll=text)
    await apply(house, principal, update_, event="pollTask", ref=ref)
    _job, task = await jobs.task(house, principal, ref)
    return task


async def polls(house: House, principal: Principal, tasks: Sequence[TaskKey]) -> dict[TaskKey, Any]:
    """Returns the payloads of the last polls of tasks of the caller's organization."""
    require_for_jobs(principal, Role.READER, [job_id for job_id, _ in tasks])
    texts = await house.database.read(lambda tx: storage.polls(tx, principal.organization_id, tasks))
    return {task: msgspec.json.decode(text) for task, text in texts.items()}


async def apply(
    house: House,
    principal: Principal,
    update_: TaskUpdate,
    *,
    event: str,
    ref: TaskRef,
    also: Callable[[Tx], Awaitable[object]] | None = None,
) -> UpdateOutcome:
    """Applies the update and records it, and tells the listeners. If it counts, `also` is done in its transaction.

    Raises NotFound, InvalidInput if it is refused.
    """
    lease_micros = int(house.limits.outside_lease_seconds * MICROS)
    named = f"{ref.job_id}/{ref.ordinal}"
    entry = trail.entry(principal, event, object_type="Task", object_id=named, detail=update_.status.value)

    async def write(tx: Tx) -> UpdateOutcome | None:
        outcome = await storage.apply(tx, house.plans, update_, lease_micros=lease_micros)
        if also is not None and outcome is not None and outcome.applied and outcome.refused is None:
            await also(tx)
        await entries.record(tx, [entry] if outcome is not None and outcome.applied else [])
        return outcome

    outcome = await house.database.write_work(write)
    if outcome is None:
        raise NotFound("Task", ref.text)
    await house.store.delete(list(outcome.removed))
    if outcome.applied:
        house.watches.changed([ref.job_id])
        if outcome.runnable:
            house.waiting(principal.organization_id)
        if outcome.job_ended:
            house.listeners.ended([ref.job_id])
    if outcome.refused is not None:
        raise InvalidInput(outcome.refused)
    return outcome


async def outputs(house: House, principal: Principal, tasks: Sequence[TaskKey]) -> dict[TaskKey, TaskSaid]:
    """Returns what engines have reported of tasks of the caller's organization."""
    require_for_jobs(principal, Role.READER, [job_id for job_id, _ in tasks])
    organization_id = principal.organization_id
    rows = await house.database.read(lambda tx: storage.outputs(tx, organization_id, tasks))
    return {
        (row.job_id, row.ordinal): TaskSaid(*(text and msgspec.json.decode(text) for text in (row.output, row.info)))
        for row in rows
    }


async def tell(house: House, lease: Lease, info: Any) -> None:
    """The engine of the attempt says this of its work; it is in the output of its task. For workers.

    Raises InvalidInput for what cannot be stored and shown again.
    """
    problems = output_problems(INFO, info)
    text = "" if problems else bounds.json_text(info)
    if len(text.encode()) > LARGEST_INFO:
        problems.append(Problem(INFO, f"at most {LARGEST_INFO} bytes, has {len(text.encode())}."))
    bounds.refuse(problems)
    await house.database.write(lambda tx: storage.tell(tx, lease.key, lease.token, text))


async def poll_of(house: House, lease: Lease) -> Any:
    """Returns the payload with which the engine of the item asked to be called again, None without. For workers."""
    if lease.attempt == 1:
        return None
    text = await house.database.glance(lambda tx: storage.poll(tx, lease.organization_id, lease.key))
    return None if text is None else msgspec.json.decode(text)


def key_of(task: Task) -> TaskKey:
    """Returns the task whose output this task has: itself, or the one whose stored outputs it reuses."""
    return (task.reused_from or task.job_id, task.ordinal)


def output_problems(path: str, value: Any) -> list[Problem]:
    """Returns what is wrong with an output that is stored as JSON and shown again."""
    problems = bounds.json(path, value)
    if not problems:
        try:
            read_document(msgspec.json.encode(value), DEEPEST_PUBLISHED)
        except DocumentError as fault:
            problems = [Problem(path, f"is {fault}")]
    return problems


def _problems(ref: TaskRef, request: UpdateRequest) -> list[Problem]:
    problems = list[Problem]()
    if request.status not in {*UpdateStatus}:
        text = f"one of {_SETTABLE}, got {request.status}. An engine that waits stays running."
        problems.append(Problem("status", text, request.status, _SETTABLE))
    if request.job is not None and request.job.number != ref.job_id:
        problems.append(not_found("jobId", request.job.text))
    if request.failure_reason is not None and request.status != UpdateStatus.FAILED:
        problems.append(Problem("failureReason", "only with the status failed."))
    if request.failure_message is not None and request.failure_reason is None:
        problems.append(Problem("failureMessage", "only with failureReason."))
    problems += bounds.text("failureMessage", request.failure_message, longest=2000)
    if request.has_output:
        problems += output_problems("output", request.output)
    return problems


def _uri_problems(house: House, request: UpdateRequest) -> list[Problem]:
    uris = request.notification_uris
    if len(uris) > MOST_URIS:
        text = f"{len(uris)} addresses, at most {MOST_URIS}."
        return [Problem("notificationUris", text, str(len(uris)), f"0–{MOST_URIS}")]
    return [
        Problem(f"notificationUris[{n}]", fault, excerpt(uri))
        for n, uri in enumerate(uris)
        if (fault := webhooks.url_fault(house, uri))
    ]


def _update(principal: Principal, ref: TaskRef, request: UpdateRequest) -> TaskUpdate:
    return TaskUpdate(
        organization_id=principal.organization_id,
        job_id=ref.job_id,
        ordinal=ref.ordinal,
        status=UpdateStatus(request.status),
        holder=holder(principal),
        output=msgspec.json.encode(request.output).decode() if request.has_output else None,
        failure_kind=FailureKind(request.failure_reason or FailureKind.UNKNOWN),
        failure_message=request.failure_message or "",
        client_time=request.client_time,
        notification_uris=request.notification_uris,
        is_own=principal.task is not None,
    )


def holder(principal: Principal) -> str:
    """Returns the name under which the caller holds leases."""
    return OUTSIDE + principal.token_id
