"""The REST operations that add a task or a route to a job under way."""

from dataclasses import replace
from typing import Final

from enginehouse.api.edge import job_input, job_view, task_view
from enginehouse.api.edge.task_shapes import AddedRoute, AddRoute, AddTask
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain.errors import Problem
from enginehouse.operations import additions, jobs

_TASK: Final = Body(AddTask)
_ROUTE: Final = Body(AddRoute)


@answers(task_view.TaskAdded, body=_TASK, idempotent=True)
async def add_task(call: Call) -> Reply:
    """POST proc/job/{JobID}/addtask: the job has one task more. With an input folder it waits for its first route."""
    body, problems = await call.judged_body(_TASK)
    found = list[Problem]()
    request = job_input.task(body.task, "", 0, found)
    problems += [replace(problem, path=problem.path.replace("tasks[0]", "task", 1)) for problem in found]
    ref = refs.job(call.id)
    added = await additions.add_task(call.house, call.principal, ref, request, found=problems, key=call.key)
    job = await jobs.get(call.house, call.principal, ref)
    categories = await task_view.category_names(call.house, call.principal)
    _, ordinal = added.value
    task = job.tasks[ordinal]
    progress = await task_view.progress(call.house, call.principal, job, [task])
    shown = task_view.task_detail(call.house, call.principal, job, task, categories, progress)
    return json(task_view.TaskAdded(success=True, task=shown), replayed=added.replayed)


@answers(AddedRoute, body=_ROUTE, idempotent=True)
async def add_route(call: Call) -> Reply:
    """POST proc/job/{JobID}/addtaskroute: one route more leads to a task of the job that has not begun."""
    body = await call.body(_ROUTE)
    ref = refs.job(call.id)
    request = job_input.route(body.task)
    added = await additions.add_route(call.house, call.principal, ref, request, key=call.key)
    job = await jobs.get(call.house, call.principal, ref)
    progress = await task_view.progress(call.house, call.principal, job, job.tasks)
    shown = job_view.route_view(job, additions.route_of(job.plan.routes, added.value), progress)
    return json(AddedRoute(success=True, task=shown), replayed=added.replayed)
