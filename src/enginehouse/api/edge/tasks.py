"""The task operations of the REST interface: detail, list, errors, logs, delete."""

from starlette.responses import FileResponse

from enginehouse.api.edge import task_query, task_view, words
from enginehouse.api.edge.log_archive import log_archive
from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.edge.task_shapes import TaskError, TaskErrors
from enginehouse.api.http.call import DELETED, Call, Reply, json
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.input import refs
from enginehouse.api.spelling import optional
from enginehouse.domain import ids, times
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job, Task
from enginehouse.operations import artifacts, engines, jobs, task_deletion, tasks
from enginehouse.operations.house import House


@answers(task_view.TaskAnswer)
async def detail(call: Call) -> Reply:
    """GET proc/task/{TaskID}/detail: the task."""
    job, task = await jobs.task(call.house, call.principal, await refs.named_task(call.house, call.principal, call.id))
    categories = await task_view.category_names(call.house, call.principal)
    progress = await task_view.progress(call.house, call.principal, job, [task])
    shown = task_view.task_detail(call.house, call.principal, job, task, categories, progress)
    return json(task_view.TaskAnswer(shown))


@answers(task_view.TaskList, query=task_query.LIST)
async def list_tasks(call: Call) -> Reply:
    """GET proc/tasks: a page of the organization's tasks, and the number of all matches."""
    wanted = await task_query.wanted(call)
    page = await _page(call, wanted)
    categories = await task_view.category_names(call.house, wanted.principal)
    shown = [
        task_view.task_detail(call.house, wanted.principal, job, task, categories, None) for job, task in page.tasks
    ]
    return json(task_view.TaskList(count=page.count, limit=wanted.limit, offset=wanted.offset, result=shown))


@answers(TaskErrors, query=task_query.LIST)
async def list_errors(call: Call) -> Reply:
    """GET proc/tasks/errors: a page of the organization's failed tasks, and the number of all matches."""
    wanted = await task_query.wanted(call, limit=100, only_failed=True)
    page, criteria = await _page(call, wanted), wanted.criteria
    return json(
        TaskErrors(
            success=True,
            count=page.count,
            limit=wanted.limit,
            offset=wanted.offset,
            result=[_error(call.house, wanted.principal, job, task) for job, task in page.tasks],
            start_date_time=None if criteria is None else optional(times.rest, criteria.created_from),
            end_date_time=None if criteria is None else optional(times.rest, criteria.created_to),
        )
    )


async def _page(call: Call, wanted: task_query.Wanted) -> tasks.TaskPage:
    if wanted.criteria is None:
        return tasks.TaskPage((), 0)
    return await tasks.list_(call.house, wanted.principal, wanted.criteria)


def _error(house: House, principal: Principal, job: Job, task: Task) -> TaskError:
    engine = engines.shown(house, principal, task.plan.engine_id)
    return TaskError(
        task_id=ids.task_uuid(job.id, task.ordinal),
        engine_id=task.plan.engine_id,
        engine_name=engine.spec.name if engine is not None else None,
        category_id=engine.spec.category_id if engine is not None else None,
        failure_reason=words.failure_word(task.failure_reason),
        failure_detail=task.failure_message,
        created_date_time=times.rest(task.created_at),
        modified_date_time=times.rest(task.modified_at),
    )


@answers(Operation)
async def delete(call: Call) -> Reply:
    """POST proc/task/{TaskID}/delete: the task of a job that has ended is gone, with its outputs and logs."""
    ref = await refs.named_task(call.house, call.principal, call.id)
    await task_deletion.delete(call.house, call.principal, ref)
    return DELETED


@sends_file("application/zip")
async def logs(call: Call) -> FileResponse:
    """GET proc/task/{TaskID}/logs: a zip with a file for each attempt so far."""
    files = await artifacts.logs(call.house, call.principal, await refs.named_task(call.house, call.principal, call.id))
    return await log_archive(call.house, files, call.id)
