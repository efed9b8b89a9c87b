"""Jobs and tasks in our own interface, with the fields that the documented one does not have."""

from typing import Any, Final

from enginehouse.api.edge import jobs as documented
from enginehouse.api.edge import schedules, task_view
from enginehouse.api.edge.job_shapes import CreatedJobs
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1 import job_view
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import engines, jobs

_REASONS: Final = tuple(sorted(map(str, FailureKind)))
LIST: Final = {
    **documented.LIST,
    "jobName": str,
    "engine": str,
    "failureReason": one_of(*_REASONS),
    "paused": bool,
}


@answers(job_view.OwnJobList, query=LIST)
async def list_jobs(call: Call) -> Reply:
    """GET jobs: a page of the organization's jobs, and the number of all matches. Some filters are ours."""

    def further(query: Query) -> dict[str, Any]:
        engine, reason = query.text("engine"), query.word("failureReason", _REASONS)
        known = None if engine is None else engines.find(call.house, call.principal, engine)
        return {
            "name": query.text("jobName"),
            "engine_ids": () if engine is None else (known.spec.id if known else engine,),
            "failure_reasons": () if reason is None else (reason,),
            "paused": bool(query.boolean("paused")),
        }

    principal, found = await documented.matches(call, further)
    categories = await task_view.category_names(call.house, principal)
    shown = [job_view.job_detail(call.house, principal, job, categories) for job in found.jobs]
    return json(job_view.OwnJobList(count=found.count, limit=found.limit, offset=found.offset, result=shown))


@answers(Result[job_view.OwnJobDetail])
async def get(call: Call) -> Reply:
    """GET jobs/{JobID}: the job with its tasks, and what only this server knows of it: retries, pause, its slot."""
    job = await jobs.get(call.house, call.principal, refs.job(call.id))
    categories = await task_view.category_names(call.house, call.principal)
    progress = await task_view.progress(call.house, call.principal, job, job.tasks)
    return result(job_view.job_detail(call.house, call.principal, job, categories, progress))


@answers(Result[job_view.OwnTaskDetail])
async def get_task(call: Call) -> Reply:
    """GET tasks/{TaskID}: the task with the names and limits of the request, and whose outputs it reuses."""
    job, task = await jobs.task(call.house, call.principal, refs.task(call.id))
    categories = await task_view.category_names(call.house, call.principal)
    progress = await task_view.progress(call.house, call.principal, job, [task])
    return result(job_view.task_detail(call.house, call.principal, job, task, categories, progress))


@answers(Result[CreatedJobs], body=schedules.LAUNCH)
async def launch_template(call: Call) -> Reply:
    """POST templates/{TemplateID}/launch: creates a job of the template, and answers with its id."""
    created = await schedules.launched(call)
    return result(CreatedJobs([ids.job_uuid(each.job_id) for each in created]))
