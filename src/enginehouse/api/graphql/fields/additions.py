"""`addTasksToJobs`: tasks for jobs under way."""

from typing import Any, Final

from ariadne import MutationType

from enginehouse.api.graphql.context import Info
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.ids import parse_job
from enginehouse.domain.refs import Ref
from enginehouse.operations import additions, jobs
from enginehouse.operations.additions import TaskToAdd

mutation = MutationType()


@mutation.field("addTasksToJobs")
async def add_tasks(_: object, info: Info, input: dict[str, Any] | None = None) -> dict[str, Any]:
    """Each job has the tasks that could be added to it; `errors` says why the others could not."""
    context = info.context
    given = (input or {}).get("tasks") or ()
    # An empty text is no moment, though the schema lets it pass.
    if missing := [number for number, fields in enumerate(given) if fields["createdDateTime"] is None]:
        raise InvalidInput([Problem(f"tasks[{number}].createdDateTime", "required.") for number in missing])
    tasks = [_task(fields) for fields in given]
    added = await additions.add_tasks(context.house, context.principal, tasks)
    context.jobs.forget()
    found = await jobs.get_many(context.house, context.principal, sorted({job_id for job_id, _ in added.tasks}))
    return {
        "createdTasks": [found[job_id].tasks[ordinal] for job_id, ordinal in added.tasks if job_id in found],
        "errors": [{"id": each.id, "message": each.message} for each in added.errors],
    }


def _task(fields: dict[str, Any]) -> TaskToAdd:
    job = fields["jobId"]
    return TaskToAdd(
        id=fields["id"],
        job=Ref(parse_job(job) or 0, job),
        engine=fields["engineId"],
        build=fields["buildId"],
        status=fields["status"],
        created_at=int(fields["createdDateTime"]),
        payload=fields.get("payload"),
        parent=fields.get("parentTaskId"),
    )


BINDABLES: Final = [mutation]
