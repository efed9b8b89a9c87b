"""The fields of a Job."""

from collections.abc import Iterable
from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.spelling import optional
from enginehouse.domain.ids import job_graphql, parse_job, parse_schedule, task_graphql
from enginehouse.domain.job import Job, Route, Task
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.webhooks import job_action

job_type = ObjectType("Job")
_OF_PAGE: Final = 2  # arguments that have defaults, so that they are always given: offset and limit


@job_type.field("tasks")
def tasks_of(job: Job, info: Info, **args: Any) -> paging.Page:
    """Returns the job's tasks in order. Both `cancelled` and `aborted` find a cancelled task."""
    info.context.jobs.prime(job.id, job)
    tasks = job.shown if len(args) <= _OF_PAGE else _chosen(job, args)
    return paging.page(tasks, args.get("offset"), args.get("limit"), paging.TASKS)


def _chosen(job: Job, args: dict[str, Any]) -> tuple[Task, ...]:
    tasks: Iterable[Task] = job.shown
    statuses, task_id, target = args.get("status"), args.get("id"), args.get("targetId")
    if statuses is not None:
        words = {TaskStatus.ABORTED if word == "cancelled" else word for word in statuses}
        tasks = (task for task in tasks if task.status in words)
    if task_id is not None:
        tasks = (task for task in tasks if task_id == task_graphql(task.job_id, task.ordinal))
    if (target is not None and str(job.target_id) not in target) or args.get("hasSourceAsset"):
        tasks = ()
    return tuple(tasks)


@job_type.field("target")
def target_of(job: Job, info: Info) -> Any:
    """Returns the target of the job."""
    return optional(info.context.targets.load, job.target_id)


@job_type.field("applicationId")
async def application_of(job: Job, info: Info) -> str:
    """Returns the application id of the organization."""
    _, organization = await info.context.me()
    return organization.application_id


@job_type.field("routes")
def routes_of(job: Job, _: Info) -> list[dict[str, Any]]:
    """Returns the routes of the request, but not those that the server created for a plain list of tasks."""
    return [] if job.plan.legacy else [_route(job, route) for route in job.plan.routes if not route.standby]


def _route(job: Job, route: Route) -> dict[str, Any]:
    return {
        "parentIoFolderReferenceId": _reference(job, route.parent, route.parent_folder),
        "childIoFolderReferenceId": _reference(job, route.child, route.child_folder),
        "options": route.options,
        "endpoint": route.endpoint,
        "syncEnabled": route.sync or None,
        "syncTimeoutInSeconds": route.sync_seconds,
        "chunkCallbackEnabled": route.callback or None,
    }


def _reference(job: Job, ordinal: int, folder: int) -> str | None:
    return None if ordinal < 0 or folder < 0 else job.plan.tasks[ordinal].folders[folder].reference


@job_type.field("scheduledJob")
def schedule_of_job(job: Job, info: Info) -> Any:
    """Returns the scheduled job of the job, null if it is gone."""
    schedule_id = job.scheduled_job_id or parse_schedule(job.plan.echo.get("scheduledJobId") or "")
    return optional(info.context.schedules.load, schedule_id)


@job_type.field("template")
def template_of_job(job: Job, info: Info) -> Any:
    """Returns the template that the job was created from or names, null if it is gone."""
    template_id = job.template_id or parse_job(job.plan.echo.get("jobTemplateId") or "")
    return optional(info.context.job_templates.load, template_id)


job_type.set_field("id", lambda job, _: job_graphql(job.id))
job_type.set_field("status", lambda job, _: job.status)
job_type.set_field("name", lambda job, _: job.plan.name)
job_type.set_field("createdDateTime", lambda job, _: graphql_millis(job.created_at))
job_type.set_field("modifiedDateTime", lambda job, _: graphql_millis(job.modified_at))
job_type.set_field("createdBy", lambda job, _: job.created_by)
job_type.set_field("targetId", lambda job, _: job.target_id)
job_type.set_field("clusterId", lambda job, _: job.plan.echo.get("clusterId"))
job_type.set_field("jobConfig", lambda job, _: job.plan.echo.get("jobConfig"))
job_type.set_field("eventSubscriptionId", lambda job, _: (job.plan.echo.get(job_action.CHAIN) or [None])[-1])
job_type.set_field("warnings", lambda job, _: list(job.warnings))
job_type.set_field("stopRequestedDateTime", lambda job, _: optional(graphql_millis, job.stop_requested_at))
job_type.set_field("paused", lambda job, _: job.paused_at is not None)
job_type.set_field("stopping", lambda job, _: job.stopping)
job_type.set_field("retryOf", lambda job, _: optional(job_graphql, job.retry_of))
job_type.set_field("rootJobId", lambda job, _: optional(job_graphql, job.root_of))
job_type.set_field("retries", lambda job, _: [job_graphql(retry) for retry in job.retries])
job_type.set_field("scheduledJobId", lambda job, _: job.scheduled_job_id or job.plan.echo.get("scheduledJobId"))
job_type.set_field("slotDateTime", lambda job, _: optional(graphql_millis, job.slot_at))
job_type.set_field(
    "templateId",
    lambda job, _: job.plan.echo.get("jobTemplateId") if job.template_id is None else job_graphql(job.template_id),
)

OF_ITSELF: Final = frozenset({
    "id", "status", "name", "createdDateTime", "modifiedDateTime", "createdBy", "targetId", "warnings",
    "stopRequestedDateTime", "paused", "stopping", "retryOf", "rootJobId", "retries", "slotDateTime", "tasks",
})  # fmt: skip
"""The fields that follow from the job alone, whoever reads them and when. What is answered about them is kept."""

BINDABLES: Final = [job_type]
