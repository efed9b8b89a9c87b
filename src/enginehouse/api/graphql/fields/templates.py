"""The fields of job templates and their tasks: those that read them, those that change them, and what they show."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input.jobs import route_request, task_request
from enginehouse.api.input.templates import changed_task, template_of
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.ids import (
    job_graphql,
    parse_job,
    parse_pipeline,
    parse_schedule,
    parse_task,
    pipeline_uuid,
    task_graphql,
)
from enginehouse.domain.job import RouteRequest
from enginehouse.domain.times import graphql_seconds
from enginehouse.operations import engines, task_templates, templates
from enginehouse.operations.templates import JobTemplate, TaskTemplate, TemplateFilter

query, mutation = QueryType(), MutationType()
template_type, task_type = ObjectType("JobTemplate"), ObjectType("TaskTemplate")

NOBODY: Final = 0  # no template, pipeline or schedule has this id


def template_id_of(text: str) -> int:
    """The template with this id. Raises NotFound for what is no template's id."""
    template_id = parse_job(text)
    if template_id is None:
        raise NotFound(templates.TEMPLATE, text)
    return template_id


def _task_of(text: str) -> tuple[int, int]:
    found = parse_task(text)
    if found is None:
        raise NotFound(task_templates.TASK, text)
    return found


@query.field("jobTemplate")
async def one(_: object, info: Info, id: str) -> JobTemplate:
    """The template with this id."""
    return await templates.get(info.context.house, info.context.principal, template_id_of(id), id)


@query.field("jobTemplates")
async def many(_: object, info: Info, **given: Any) -> paging.Page:
    """A page of the organization's templates, newest first."""
    context = info.context
    offset, limit = paging.bounds(given.get("offset"), given.get("limit"), paging.TEMPLATES)
    pipeline, schedule = given.get("jobPipelineId"), given.get("scheduledJobId")
    wanted = TemplateFilter(
        pipeline_id=None if pipeline is None else parse_pipeline(pipeline) or NOBODY,
        schedule_id=None if schedule is None else parse_schedule(schedule) or NOBODY,
        engine_ids=await engine_names(context, given),
        offset=offset,
        limit=limit,
    )
    found = await templates.list_(context.house, context.principal, wanted)
    for template in found:
        context.job_templates.prime(template.id, template)
    return paging.Page(found, offset, limit)


@query.field("taskTemplate")
async def one_task(_: object, info: Info, id: str) -> TaskTemplate:
    """The task template with this id."""
    template, task = await task_templates.get(info.context.house, info.context.principal, *_task_of(id), id)
    info.context.job_templates.prime(template.id, template)
    return task


async def engine_names(context: Context, given: dict[str, Any]) -> frozenset[str] | None:
    """Every name under which an engine that `engineId` and `engineType` let through may stand; None when all may."""
    house, principal = context.house, context.principal
    wanted: set[str] | None = None
    if given.get("engineId") is not None:
        engine = engines.find(house, principal, given["engineId"])
        wanted = set() if engine is None else {engine.spec.id}
    if given.get("engineType") is not None:
        kinds = set(given["engineType"])
        inside = {c.id for c in await engines.categories(house, principal) if c.type in kinds}
        of_kind = {e.spec.id for e in house.catalogue.by_id.values() if e.spec.category_id in inside}
        wanted = of_kind if wanted is None else wanted & of_kind
    if wanted is None:
        return None
    return frozenset(name for name, engine in house.catalogue.by_id.items() if engine.spec.id in wanted)


# -- change -------------------------------------------------------------------------------------------------


@mutation.field("createJobTemplate")
async def create(_: object, info: Info, input: dict[str, Any]) -> JobTemplate:
    """The template exists; with a stage and no pipeline it is in a new one."""
    context = info.context
    template, found = template_of(context, input)
    if input.get("taskTemplates") == []:
        raise InvalidInput("at least 1 task is required; leave it out to add tasks later.", "taskTemplates")
    return await templates.create(context.house, context.principal, template, found=found)


@mutation.field("updateJobTemplate")
async def update(_: object, info: Info, input: dict[str, Any]) -> JobTemplate:
    """The template is changed where something is given."""
    context, shown = info.context, input["id"]
    config, routes = input.get("jobConfig"), input.get("routes")
    if config is not None and not isinstance(config, dict):
        raise InvalidInput("must be an object.", "jobConfig")
    return await templates.update(
        context.house,
        context.principal,
        template_id_of(shown),
        shown=shown,
        stage=input.get("jobPipelineStage"),
        job_config=config,
        skip_decider=input.get("skipDecider"),
        routes=None if routes is None else [route_request(route) for route in routes],
    )


@mutation.field("deleteJobTemplate")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The template is gone; the jobs made from it stay."""
    template_id = template_id_of(id)
    await templates.delete(info.context.house, info.context.principal, template_id, id)
    shown = job_graphql(template_id)
    return {"id": shown, "message": f"JobTemplate {shown} was deleted."}


@mutation.field("createTaskTemplate")
async def create_task(_: object, info: Info, input: dict[str, Any]) -> TaskTemplate:
    """The job template has one task more."""
    context, shown = info.context, input.get("jobTemplateId")
    if shown is None:
        raise InvalidInput("must be given: a task template is a part of a job template.", "jobTemplateId")
    template, task = await task_templates.create(
        context.house, context.principal, template_id_of(shown), task_request(input), shown
    )
    context.job_templates.prime(template.id, template)
    return task


@mutation.field("updateTaskTemplate")
async def update_task(_: object, info: Info, input: dict[str, Any]) -> TaskTemplate:
    """The task template is changed where something is given."""
    context, shown = info.context, input["id"]
    template, task = await task_templates.update(
        context.house, context.principal, *_task_of(shown), lambda before: changed_task(before, input), shown
    )
    context.job_templates.prime(template.id, template)
    return task


@mutation.field("deleteTaskTemplate")
async def delete_task(_: object, info: Info, id: str) -> dict[str, Any]:
    """The job template has one task less."""
    template_id, ordinal = _task_of(id)
    await task_templates.delete(info.context.house, info.context.principal, template_id, ordinal, id)
    shown = task_graphql(template_id, ordinal)
    return {"id": shown, "message": f"TaskTemplate {shown} was deleted."}


# -- what a JobTemplate shows -------------------------------------------------------------------------------


@template_type.field("taskTemplates")
async def tasks_of(template: JobTemplate, info: Info, **given: Any) -> paging.Page:
    """A page of the template's tasks, in their order."""
    info.context.job_templates.prime(template.id, template)
    names = await engine_names(info.context, given)
    found = [each for each in template.tasks if names is None or each.request.engine_id in names]
    return paging.page(found, given.get("offset"), given.get("limit"), paging.TASKS)


@template_type.field("jobPipeline")
def pipeline_of(template: JobTemplate, info: Info) -> Any:
    """The pipeline the template is in."""
    return optional(info.context.pipelines.load, template.pipeline_id)


def routes_shown(routes: Sequence[RouteRequest]) -> list[dict[str, Any]]:
    """The routes as they were given."""
    return [
        {
            "parentIoFolderReferenceId": route.parent_folder,
            "childIoFolderReferenceId": route.child_folder,
            "options": route.options,
        }
        for route in routes
    ]


template_type.set_field("id", lambda template, _: job_graphql(template.id))
template_type.set_field("createdDateTime", lambda template, _: graphql_seconds(template.created_at))
template_type.set_field("modifiedDateTime", lambda template, _: graphql_seconds(template.modified_at))
template_type.set_field("jobPipelineStage", lambda template, _: template.stage)
template_type.set_field("clusterId", lambda template, _: template.document.echo.get("clusterId"))
template_type.set_field("skipDecider", lambda template, _: template.document.echo.get("skipDecider"))
template_type.set_field("jobConfig", lambda template, _: template.document.job_config or None)
template_type.set_field("routes", lambda template, _: routes_shown(template.document.routes))
template_type.set_field("jobPipelineId", lambda template, _: optional(pipeline_uuid, template.pipeline_id))


# -- what a TaskTemplate shows ------------------------------------------------------------------------------


@task_type.field("jobTemplate")
def template_of_task(task: TaskTemplate, info: Info) -> Any:
    """The job template the task is in."""
    return info.context.job_templates.load(task.template_id)


@task_type.field("engine")
def engine_of(task: TaskTemplate, info: Info) -> Any:
    """The engine, null when it is not the caller's to see."""
    return engines.find(info.context.house, info.context.principal, task.request.engine_id or "")


@task_type.field("childTaskIds")
async def child_ids_of(task: TaskTemplate, info: Info) -> list[str]:
    """The tasks of the template that work on this one's output."""
    return [task_graphql(task.template_id, each.ordinal) for each in await _children(task, info)]


@task_type.field("childTasks")
async def children_of(task: TaskTemplate, info: Info) -> paging.Page:
    """The tasks of the template that work on this one's output."""
    found = await _children(task, info)
    return paging.Page(found, 0, max(len(found), 1))


async def _children(task: TaskTemplate, info: Info) -> list[TaskTemplate]:
    template = await info.context.job_templates.get(task.template_id)
    if template is None:
        return []
    own = {folder.reference for folder in task.request.folders}
    fed = {route.child_folder for route in template.document.routes if route.parent_folder in own}
    shown = task_graphql(task.template_id, task.ordinal)
    return [
        each
        for each in template.tasks
        if each.request.echo.get("parentTaskId") == shown or any(f.reference in fed for f in each.request.folders)
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
        "parallelProcessing": request.parallel,
        "dueDateTime": optional(graphql_seconds, request.due_at),
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

BINDABLES: Final = [query, mutation, template_type, task_type]
