"""The history of a task: its attempts, and the origin of reused outputs."""

from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.spelling import optional
from enginehouse.domain.ids import job_graphql, job_uuid, task_graphql
from enginehouse.domain.job import Task
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.work import Attempt, AttemptPage

task_type = ObjectType("Task")


@task_type.field("attempts")
async def attempts_of(task: Task, info: Info, **args: Any) -> paging.Page:
    """Returns the task's attempts by item and number, also those that run."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), context.house.limits.page_size)
    page = AttemptPage(task.job_id, task.ordinal, offset, limit)
    attempts = await context.attempts.get(page)
    return paging.Page([_view(task, one, context.origin) for one in attempts or ()], offset, limit)


def _view(task: Task, one: Attempt, origin: str) -> dict[str, Any]:
    path = f"jobs/{job_uuid(task.job_id)}/tasks/{task.ordinal}/attempts/{one.item}/{one.number}/log"
    return {
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


BINDABLES: Final = [task_type]
