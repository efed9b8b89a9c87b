"""The query and mutations of task templates, and the fields of a TaskTemplate."""

from typing import Any, Final

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import task_request
from enginehouse.api.input.templates import changed_task
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import (
    job_graphql,
    task_graphql,
)
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.templates import TaskTemplate
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import engines, task_templates

query, mutation, task_type = QueryType(), MutationType(), ObjectType("TaskTemplate")


@query.field("taskTemplate")
async def get_task_template(_: object, info: Info, id: str) -> TaskTemplate:
    """Returns the task template with this id."""
    template, task = await task_templates.get(info.context.house, info.context.principal, _ref(id))
    info.context.job_templates.prime(template.id, template)
    return task


@mutation.field("createTaskTemplate")
async def create_task_template(_: object, info: Info, input: dict[str, Any]) -> TaskTemplate:
    """The job template has one more task."""
    context, text = info.context, input.get("jobTemplateId")
    if text is None:
        raise InvalidInput("must be given: a task template is a part of a job template.", "jobTemplateId")
    template, task = await task_templates.create(
        context.house, context.principal, refs.template(text), task_request(input)
    )
    context.job_templates.prime(template.id, template)
    return task


@mutation.field("updateTaskTemplate")
async def update_task_template(_: object, info: Info, input: dict[str, Any]) -> TaskTemplate:
    """The given fields of the task template are changed."""
    context = info.context
    template, task = await task_templates.update(
        context.house, context.principal, _ref(input["id"]), lambda before: changed_task(before, input)
    )
    context.job_templates.prime(template.id, template)
    return task


@mutation.field("deleteTaskTemplate")
async def delete_task_template(_: object, info: Info, id: str) -> dict[str, Any]:
    """The job template does not have the task any more."""
    ref = _ref(id)
    await task_templates.delete(info.context.house, info.context.principal, ref)
    spelling = task_graphql(ref.job_id, ref.ordinal)
    return {"id": spelling, "message": f"TaskTemplate {spelling} was deleted."}


def _ref(text: str) -> TaskRef:
    return refs.task(text, kind=task_templates.TASK)


@task_type.field("jobTemplate")
def template_of_task(task: TaskTemplate, info: Info) -> Any:
    """Returns the job template of the task."""
    return info.context.job_templates.load(task.template_id)


@task_type.field("engine")
def engine_of(task: TaskTemplate, info: Info) -> Any:
    """Returns the engine, null if the caller may not see it."""
    return engines.shown(info.context.house, info.context.principal, task.request.engine_id or "")


@task_type.field("childTaskIds")
async def child_ids_of(task: TaskTemplate, info: Info) -> list[str]:
    """Returns the tasks of the template that work on the output of this one."""
    return [task_graphql(task.template_id, each.ordinal) for each in await _children(task, info)]


@task_type.field("childTasks")
async def children_of(task: TaskTemplate, info: Info) -> paging.Page:
    """Returns the tasks of the template that work on the output of this one."""
    children = await _children(task, info)
    return paging.Page(children, 0, max(len(children), 1))


async def _children(task: TaskTemplate, info: Info) -> list[TaskTemplate]:
    template = await info.context.job_templates.get(task.template_id)
    if template is None:
        return []
    own = {folder.reference for folder in task.request.folders}
    fed = {route.child_folder for route in template.document.routes if route.parent_folder in own}
    task_id = task_graphql(task.template_id, task.ordinal)
    return [
        each
        for each in template.tasks
        if each.request.echo.get("parentTaskId") == task_id or any(f.reference in fed for f in each.request.folders)
    ]


def _payload(task: TaskTemplate, _: Info) -> Any:
    text = task.request.payload_text
    return task.request.payload if text is None else msgspec.json.decode(text)


def _payload_text(task: TaskTemplate, _: Info) -> str | None:
    if task.request.payload_text is not None:
        return task.request.payload_text
    return optional(json_text, task.request.payload)


def _preferences(task: TaskTemplate, _: Info) -> dict[str, Any]:
    request = task.request
    return {
        "priority": request.priority,
        "maxRetries": request.max_retries,
        "maxEngines": request.max_engines,
        "parallelProcessing": request.is_parallel,
        "dueDateTime": optional(graphql_millis, request.due_at),
        "parentCompleteBeforeStarting": request.parents_first,
    }


def _folders(task: TaskTemplate, _: Info) -> list[dict[str, Any]]:
    return [{"referenceId": f.reference, "mode": f.mode, "type": f.type} for f in task.request.folders]


def _echoed(name: str) -> Any:
    return lambda task, _: task.request.echo.get(name)


task_type.set_field("id", lambda task, _: task_graphql(task.template_id, task.ordinal))
task_type.set_field("jobTemplateId", lambda task, _: job_graphql(task.template_id))
task_type.set_field("engineId", lambda task, _: task.request.engine_id)
task_type.set_field("payload", _payload)
task_type.set_field("payloadString", _payload_text)
task_type.set_field("ioFolders", _folders)
task_type.set_field("executionPreferences", _preferences)
for _name in ("engineConfigId", "executionLocationId", "parentTaskId"):
    task_type.set_field(_name, _echoed(_name))

BINDABLES: Final = [query, mutation, task_type]
