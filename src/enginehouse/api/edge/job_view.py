"""The REST view of a job (rest-contract §2.8)."""

from typing import Any

import msgspec
from msgspec import field

from enginehouse.api.edge import words
from enginehouse.api.edge.task_shapes import TaskRoute
from enginehouse.api.edge.task_view import Progress, TaskDetail, neighbours, task_detail
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.spelling import optional
from enginehouse.domain import ids, times
from enginehouse.domain.artifact import FilledFolder, pushed_folder
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import FolderType, Job, Route, Task
from enginehouse.domain.status import TASK_ENDED
from enginehouse.operations.house import House


class JobDetail(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """A job as it is now, with its tasks and routes: exactly the fields of the contract."""

    internal_job_id: str
    internal_organization_id: str
    core_job_id: str
    core_id: str | None = None
    core_recording_id: int | None = field(default=None, name="coreRecordingId")
    core_source_id: int | None = field(default=None, name="coreSourceId")
    core_scheduled_job_id: int | None = field(default=None, name="coreScheduledJobId")
    internal_scheduled_job_id: str | None = field(default=None, name="internalScheduledJobId")
    job_template_id: str | None = field(default=None, name="jobTemplateId")
    job_status: str
    priority: int | None = None
    max_retries: int | None = None
    current_retries: int | None = None
    is_template: bool | None = None
    job_config_json: str | None = None
    send_output_to_uris: list[str] | None = None
    due_date_time: str | None = None
    created_date_time: str
    modified_date_time: str
    started_date_time: str | None = None
    completed_date_time: str | None = None
    aborted_date_time: str | None = None
    task_routes: list[TaskRoute]
    tasks: list[TaskDetail]


class JobAnswer(msgspec.Struct):
    job: JobDetail


class JobList(msgspec.Struct, kw_only=True):
    """A page of jobs. `count` is the number of all matches."""

    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[JobDetail]


def job_detail(
    house: House,
    principal: Principal,
    job: Job,
    categories: dict[str, str],
    progress: Progress | None = None,
) -> JobDetail:
    """Returns the job with its tasks and routes. Absent fields are left out.

    A list of jobs shows no progress.
    """
    echo, legacy = job.plan.echo, job.plan.legacy
    priorities = [task.plan.priority for task in job.tasks]
    near = neighbours(job)
    retries = [task.plan.max_retries for task in job.tasks if task.plan.max_retries is not None]
    return JobDetail(
        internal_job_id=ids.job_uuid(job.id),
        internal_organization_id=ids.organization_uuid(job.organization_id),
        core_job_id=echo.get("coreJobID") or ids.job_graphql(job.id),
        core_id=echo.get("coreID"),
        core_recording_id=job.target_id,
        core_source_id=_number(echo.get("coreSourceID")),
        core_scheduled_job_id=job.scheduled_job_id,
        internal_scheduled_job_id=optional(ids.schedule_uuid, job.scheduled_job_id),
        job_template_id=optional(ids.job_uuid, job.template_id),
        job_status=words.job_word(job.status),
        priority=min(priorities, default=0),
        max_retries=max(retries, default=None),
        is_template=False,
        job_config_json=echo.get("jobConfigJSON"),
        send_output_to_uris=echo.get("sendOutputToUris"),
        due_date_time=optional(times.rest, job.due_at),
        created_date_time=times.rest(job.created_at),
        modified_date_time=times.rest(job.modified_at),
        started_date_time=optional(times.rest, job.started_at),
        completed_date_time=optional(times.rest, job.completed_at),
        aborted_date_time=optional(times.rest, job.aborted_at),
        task_routes=[] if legacy else [route_view(job, route, progress) for route in job.shown_routes],
        tasks=[task_detail(house, principal, job, task, categories, progress, near) for task in job.shown],
    )


def route_view(job: Job, route: Route, progress: Progress | None) -> TaskRoute:
    """Returns a route with the ids of its tasks and folders. A side without a folder has only the task's id."""
    filled = _filled(route, progress) if progress is not None else None
    outputs = 0 if filled is None else filled.outputs
    counted = progress is not None and (route.parent >= 0 or route.endpoint is not None)
    produced = progress.folders.get((route.parent, route.parent_folder)) if progress is not None else None
    return TaskRoute(
        task_parent_id=ids.task_uuid(job.id, route.parent) if route.parent >= 0 else None,
        task_parent_output_id=_folder_id(job, route.parent, route.parent_folder, FolderType.OUTPUT),
        task_child_id=ids.task_uuid(job.id, route.child),
        task_child_input_id=_folder_id(job, route.child, route.child_folder, FolderType.INPUT),
        endpoint=route.endpoint,
        sync_enabled=route.sync or None,
        sync_timeout_in_seconds=route.sync_seconds,
        chunk_callback_enabled=route.callback or None,
        task_parent_output_count=(0 if produced is None else produced.outputs)
        if progress is not None and route.parent >= 0
        else None,
        task_child_input_count=outputs if counted else None,
        task_child_input_remaining_count=_remaining(job.tasks[route.child], outputs) if counted else None,
        first_write_date_time=None if filled is None else times.rest(filled.first_at),
        last_write_date_time=None if filled is None else times.rest(filled.last_at),
    )


def _filled(route: Route, progress: Progress) -> FilledFolder | None:
    """Returns what has come through the route: the outputs of the parent, and what was pushed to its endpoint."""
    places = [(route.parent, route.parent_folder)]
    if route.endpoint is not None:
        places.append((route.child, pushed_folder(route.child_folder)))
    found = [progress.folders[place] for place in places if place in progress.folders]
    if not found:
        return None
    counts, first, last = zip(*found, strict=True)
    return FilledFolder(sum(counts), min(first), max(last))


def _remaining(child: Task, inputs: int) -> int:
    """Returns how many of its inputs the child has not processed.

    A child of several items has one for each input. Another child reads all inputs, and has processed them at its end.
    """
    if child.status in TASK_ENDED:
        return 0
    return max(0, inputs - (child.items - child.items_open)) if child.items > 1 else inputs


def _folder_id(job: Job, ordinal: int, position: int, side: FolderType) -> str | None:
    folders = job.plan.tasks[ordinal].folders if ordinal >= 0 else ()
    if not 0 <= position < len(folders) or folders[position].type is not side:
        return None
    return ids.folder_uuid(job.id, ordinal, position)


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None
