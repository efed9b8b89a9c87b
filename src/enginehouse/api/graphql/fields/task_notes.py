"""`createTaskLog`, `appendWarningToTask`, and the warnings of a Task."""

from typing import Any, Final

from ariadne import MutationType, ObjectType

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields.tasks import log_of
from enginehouse.api.input import refs
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import Task
from enginehouse.operations import jobs, task_notes

mutation, task_type = MutationType(), ObjectType("Task")


@mutation.field("createTaskLog")
async def create_log(_: object, info: Info, input: dict[str, Any], **args: Any) -> Any:
    """The uploaded file is a log of the task. Returns all logs of the task."""
    context = info.context
    principal = context.principal
    ref = await refs.named_task(context.house, principal, input["taskId"])
    upload = context.take_upload(input.get("file"))
    source = None if upload is None else upload.path
    key = idempotency.key(context, args.get("idempotencyKey"))
    answer = await task_notes.add_log(context.house, principal, ref, source, key=key)
    context.replayed |= answer.replayed
    _job, task = await jobs.task(context.house, principal, ref)
    return await log_of(task, info)


@mutation.field("appendWarningToTask")
async def append_warning(_: object, info: Info, reason: str, **args: Any) -> int:
    """The task has the warning. Returns its id."""
    context = info.context
    principal = context.principal
    if args.get("taskId") is None:
        raise InvalidInput("required.", "taskId")
    answer = await task_notes.add_warning(
        context.house,
        principal,
        await refs.named_task(context.house, principal, args["taskId"]),
        reason=reason,
        message=args.get("message"),
        reference=args.get("referenceId"),
        key=idempotency.key(context, args.get("idempotencyKey")),
    )
    context.replayed |= answer.replayed
    return answer.value


@task_type.field("warnings")
async def warnings_of(task: Task, info: Info) -> list[dict[str, Any]]:
    """Returns the warnings of the task, the oldest first."""
    found = await info.context.task_warnings.get((task.job_id, task.ordinal)) or ()
    return [
        {
            "id": warning.id,
            "reason": warning.reason,
            "message": warning.message,
            "referenceId": warning.reference,
            "createdDateTime": warning.at,
        }
        for warning in found
    ]


BINDABLES: Final = [mutation, task_type]
