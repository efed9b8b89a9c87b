"""The field `waiting` of a job and of a task: why it is not running."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.view.reasons import Written
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import Task
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, TaskStatus
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask

job_type, task_type = ObjectType("Job"), ObjectType("Task")

Shown = dict[str, Any]


@job_type.field("waiting")
async def of_job(job: Any, info: Info) -> Shown | None:
    """What the tasks of the job wait for that are next; null once it has ended."""
    found = await info.context.why.get(job.id)
    if found is None or found.status in JOB_ENDED:
        return None
    return _shown(job.id, found.sentence, found.reasons)


@task_type.field("waiting")
async def of_task(task: Task, info: Info) -> Shown | None:
    """What the task, or what of it is not running, waits for; null once it has ended, and while nothing of it waits."""
    found = await info.context.why.get(task.job_id)
    if found is None:
        return None
    explained = found.tasks[task.ordinal]
    over = explained.status in TASK_ENDED
    if over or (explained.status is TaskStatus.RUNNING and not explained.reasons):
        return None
    return _shown(task.job_id, explained.sentence, explained.reasons)


def _shown(job_id: int, sentence: str, found: Iterable[AnyReason]) -> Shown:
    written = Written(task=partial(_other, job_id), time=graphql_millis)
    return {"sentence": sentence, "reasons": [_spelled(written.facts(reason)) for reason in found]}


def _spelled(facts: Shown) -> Shown:
    """The same facts under the names that GraphQL gives them."""
    return {_camel(*name.split("_")): value for name, value in facts.items()}


def _camel(first: str, *more: str) -> str:
    return first + "".join(map(str.capitalize, more))


def _other(job_id: int, task: OtherTask) -> Shown:
    return {
        "id": task_graphql(job_id, task.ordinal),
        "order": task.ordinal,
        "name": task.name,
        "status": task.status,
    }


BINDABLES: Final = [job_type, task_type]
