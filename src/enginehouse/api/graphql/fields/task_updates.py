"""`updateTask`, and the output of a Task."""

from typing import Any, Final

from ariadne import MutationType, ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.scalars import Moment
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain.errors import Problem
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Task
from enginehouse.domain.refs import Ref
from enginehouse.domain.task_updates import wrapped
from enginehouse.operations import task_updates
from enginehouse.operations.task_updates import UpdateRequest

mutation, task_type = MutationType(), ObjectType("Task")

_OUTPUTS: Final = ("output", "outputString", "taskOutput")
# The plan of a job does not change, and a task runs in no place of its own.
_FIXED: Final = ("payload", "executionLocationData", "notificationUris")


@mutation.field("updateTask")
async def update(_: object, info: Info, input: dict[str, Any] | None = None) -> Task:
    """The task has the reported status and output."""
    context, fields = info.context, input or {}
    problems = [] if fields else [Problem("input", "must be given.")]
    problems += [Problem(name, "cannot be changed by an update.") for name in _FIXED if fields.get(name) is not None]
    has_output, output = read_output(fields, problems)
    moment: Moment | None = fields.get("clientTimestamp")
    job = fields.get("jobId")
    request = UpdateRequest(
        status=fields.get("status") or "",
        job=None if job is None else Ref(parse_job(job) or 0, job),
        output=output,
        has_output=has_output,
        failure_reason=fields.get("failureReason"),
        failure_message=fields.get("failureMessage"),
        client_time=None if moment is None else int(moment),
    )
    ref = refs.task(fields.get("id") or "")
    task = await task_updates.update(context.house, context.principal, ref, request, found=problems)
    context.jobs.forget()
    context.task_outputs.forget()
    return task


def read_output(fields: dict[str, Any], problems: list[Problem]) -> tuple[bool, Any]:
    """Returns whether the fields have an output, and its value. Adds what is wrong to `problems`."""
    given = [name for name in _OUTPUTS if fields.get(name) is not None]
    if len(given) > 1:
        problems.append(Problem(given[1], f"must not be given with {given[0]}; give one of them."))
    if fields.get("outputJsonKey") is not None and "outputString" not in given:
        problems.append(Problem("outputJsonKey", "only with outputString."))
    if not given:
        return False, None
    value = fields[given[0]]
    return True, wrapped(value, fields.get("outputJsonKey")) if given[0] == "outputString" else value


async def output_of(task: Task, info: Info) -> Any:
    """Returns the reported output of the task. A task that reuses the outputs of another job has its output too."""
    return await info.context.task_outputs.get(task_updates.key_of(task))


@task_type.field("outputString")
async def output_text_of(task: Task, info: Info) -> str | None:
    """Returns the reported output of the task as JSON text."""
    return optional(json_text, await output_of(task, info))


task_type.set_field("output", output_of)
task_type.set_field("taskOutput", output_of)

BINDABLES: Final = [mutation, task_type]
