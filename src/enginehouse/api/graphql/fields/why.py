"""The field `waiting` of a job and of a task: why it does not run."""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.view.reasons import ReasonWriter
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import Task
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, TaskStatus
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask

job_type, task_type = ObjectType("Job"), ObjectType("Task")

Facts = dict[str, Any]


@job_type.field("waiting")
async def of_job(job: Any, info: Info) -> Facts | None:
    """Returns what the next tasks of the job wait for, null when the job has ended."""
    explanation = await info.context.why.get(job.id)
    if explanation is None or explanation.status in JOB_ENDED:
        return None
    return _view(job.id, explanation.sentence, explanation.reasons)


@task_type.field("waiting")
async def of_task(task: Task, info: Info) -> Facts | None:
    """Returns what the task, or its items that do not run, wait for.

    It is null when the task has ended or nothing waits.
    """
    explanation = await info.context.why.get(task.job_id)
    if explanation is None:
        return None
    explained = explanation.tasks[task.ordinal]
    over = explained.status in TASK_ENDED
    if over or (explained.status is TaskStatus.RUNNING and not explained.reasons):
        return None
    return _view(task.job_id, explained.sentence, explained.reasons)


def _view(job_id: int, sentence: str, reasons: Iterable[AnyReason]) -> Facts:
    written = ReasonWriter(task=partial(_other_task, job_id), time=graphql_millis)
    return {"sentence": sentence, "reasons": [_renamed(written.facts(reason)) for reason in reasons]}


def _renamed(facts: Facts) -> Facts:
    """Returns the same facts with the names of GraphQL."""
    return {_camel(*name.split("_")): value for name, value in facts.items()}


def _camel(first: str, *more: str) -> str:
    return first + "".join(map(str.capitalize, more))


def _other_task(job_id: int, task: OtherTask) -> Facts:
    return {
        "id": task_graphql(job_id, task.ordinal),
        "order": task.ordinal,
        "name": task.name,
        "status": task.status,
    }


BINDABLES: Final = [job_type, task_type]
