"""The history of a task: its items, their attempts with their logs, and the origin of reused outputs."""

from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import attempt_places
from enginehouse.api.spelling import optional
from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.ids import job_graphql, job_uuid, task_graphql
from enginehouse.domain.job import Job, Task
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.task_items import ItemStatus, TaskItem
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.operations import attempts, task_items

task_type, job_type = ObjectType("Task"), ObjectType("Job")
_LIMIT: Final = 100  # attempts of a job, as the schema says


@task_type.field("attempts")
async def attempts_of(task: Task, info: Info, **args: Any) -> paging.Page:
    """Returns the task's attempts by item and number, also those that run."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), context.house.limits.page_size)
    page = AttemptPage(task.job_id, task.ordinal, offset, limit)
    found = await context.attempts.get(page)
    key = (task.job_id, task.ordinal)
    return paging.Page([_view(*key, one, context.origin) for one in found or ()], offset, limit)


@job_type.field("attempts")
async def attempts_of_job(
    job: Job, info: Info, after: str | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """Returns the attempts of all tasks after the one at that place."""
    context, problems = info.context, list[Problem]()
    place = attempt_places.place(problems, after)
    if problems:
        raise InvalidInput(problems)
    limit = _LIMIT if limit is None else limit
    found = await attempts.of_job(context.house, context.principal, Ref.of(job.id), after=place, limit=limit)
    return [_view(job.id, at.ordinal, one, context.origin) for at, one in found]


@task_type.field("items")
async def items_of(task: Task, info: Info, **args: Any) -> dict[str, Any]:
    """Returns items of the task, and how many have each status."""
    context, status, after = info.context, args.get("status"), args.get("after")
    page = await task_items.of_task(
        context.house,
        context.principal,
        _ref(task),
        status=None if status is None else ItemStatus(status),
        after=task_items.FIRST if after is None else after,
        limit=args.get("limit", 30),
    )
    return {"counts": page.counts, "records": [_item(each) for each in page.items], "next": page.next}


def _item(one: TaskItem) -> dict[str, Any]:
    return {
        "item": one.item,
        "status": one.status.value,
        "number": one.number,
        "worker": one.worker,
        "startedDateTime": optional(graphql_millis, one.started_at),
        "endedDateTime": optional(graphql_millis, one.ended_at),
        "againDateTime": optional(graphql_millis, one.again_at),
        "failureReason": one.failure_reason,
        "failureMessage": one.failure_message,
    }


@task_type.field("attemptLog")
async def log_of(task: Task, info: Info, number: int, item: int | None = 0, **args: Any) -> dict[str, Any] | None:
    """Returns a part of the log of an attempt of the task, None without the attempt."""
    context = info.context
    offset, limit = args.get("offset"), args.get("bytes")
    place = {"offset": offset or 0, "limit": attempts.PART if limit is None else limit}
    try:
        part = await attempts.log_part(
            context.house, context.principal, _ref(task), item or 0, number, **place, name="bytes"
        )
    except NotFound as absent:
        if absent.object_type == "Attempt":
            return None
        raise
    return {
        "text": part.text,
        "offset": part.offset,
        "next": part.next,
        "size": part.size,
        "isOver": part.is_over,
    }


def _ref(task: Task) -> TaskRef:
    return TaskRef(task.job_id, task.ordinal, task_graphql(task.job_id, task.ordinal))


def _view(job_id: int, ordinal: int, one: Attempt, origin: str) -> dict[str, Any]:
    path = f"jobs/{job_uuid(job_id)}/tasks/{ordinal}/attempts/{one.item}/{one.number}/log"
    return {
        "taskId": task_graphql(job_id, ordinal),
        "item": one.item,
        "number": one.number,
        "worker": one.worker,
        "outcome": one.outcome,
        "startedDateTime": graphql_millis(one.started_at),
        "endedDateTime": optional(graphql_millis, one.ended_at),
        "failureReason": one.failure_reason,
        "failureMessage": one.failure_message,
        "stopRequestedDateTime": optional(graphql_millis, one.stop_requested_at),
        "stopSignalledDateTime": optional(graphql_millis, one.stop_signalled_at),
        "logUri": f"{origin}/api/v1/{path}",
    }


@task_type.field("reusedFrom")
def reused_from(task: Task, _: Info) -> dict[str, str] | None:
    """Returns the task whose stored outputs this task reuses, null for a task with its own."""
    if task.reused_from is None:
        return None
    return {"jobId": job_graphql(task.reused_from), "taskId": task_graphql(task.reused_from, task.ordinal)}


BINDABLES: Final = [task_type, job_type]
