"""The queries and mutations of job templates, and the fields of a JobTemplate."""

from collections.abc import Sequence
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import route_request
from enginehouse.api.input.templates import template_of
from enginehouse.api.spelling import optional
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.ids import (
    job_graphql,
    parse_pipeline,
    parse_schedule,
    pipeline_uuid,
)
from enginehouse.domain.job import RouteRequest
from enginehouse.domain.templates import JobTemplate, TemplateFilter
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import engine_categories, engines, templates

query, mutation = QueryType(), MutationType()
template_type = ObjectType("JobTemplate")

NOBODY: Final = 0  # no template, pipeline or schedule has this id


@query.field("jobTemplate")
async def get_template(_: object, info: Info, id: str) -> JobTemplate:
    """Returns the template with this id."""
    return await templates.get(info.context.house, info.context.principal, refs.template(id))


@query.field("jobTemplates")
async def list_templates(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's templates, newest first."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.TEMPLATES)
    pipeline, schedule = args.get("jobPipelineId"), args.get("scheduledJobId")
    criteria = TemplateFilter(
        pipeline_id=None if pipeline is None else parse_pipeline(pipeline) or NOBODY,
        schedule_id=None if schedule is None else parse_schedule(schedule) or NOBODY,
        engine_ids=await engine_names(context, args),
        offset=offset,
        limit=limit,
    )
    page = await templates.list_(context.house, context.principal, criteria)
    for template in page:
        context.job_templates.prime(template.id, template)
    return paging.Page(page, offset, limit)


async def engine_names(context: Context, args: dict[str, Any]) -> frozenset[str] | None:
    """Returns every name of the engines that `engineId` and `engineType` match, None if all engines match."""
    house, principal = context.house, context.principal
    engine_ids: set[str] | None = None
    if args.get("engineId") is not None:
        engine = engines.find(house, principal, args["engineId"])
        engine_ids = set() if engine is None else {engine.spec.id}
    if args.get("engineType") is not None:
        kinds = set(args["engineType"])
        inside = {c.id for c in await engine_categories.list_(house, principal) if c.type in kinds}
        of_kind = {e.spec.id for e in house.catalogue.by_id.values() if e.spec.category_id in inside}
        engine_ids = of_kind if engine_ids is None else engine_ids & of_kind
    if engine_ids is None:
        return None
    return frozenset(name for name, engine in house.catalogue.by_id.items() if engine.spec.id in engine_ids)


# -- change -------------------------------------------------------------------------------------------------


@mutation.field("createJobTemplate")
async def create(_: object, info: Info, input: dict[str, Any]) -> JobTemplate:
    """The template exists. With a stage and no pipeline, it is in a new pipeline."""
    context = info.context
    template, problems = template_of(context, input)
    if input.get("taskTemplates") == []:
        raise InvalidInput("at least 1 task is required; leave it out to add tasks later.", "taskTemplates")
    return await templates.create(context.house, context.principal, template, known_problems=problems)


@mutation.field("updateJobTemplate")
async def update(_: object, info: Info, input: dict[str, Any]) -> JobTemplate:
    """The given fields of the template are changed."""
    context = info.context
    config, routes = input.get("jobConfig"), input.get("routes")
    if config is not None and not isinstance(config, dict):
        raise InvalidInput("must be an object.", "jobConfig")
    return await templates.update(
        context.house,
        context.principal,
        refs.template(input["id"]),
        stage=input.get("jobPipelineStage"),
        job_config=config,
        skip_decider=input.get("skipDecider"),
        routes=None if routes is None else [route_request(route) for route in routes],
    )


@mutation.field("deleteJobTemplate")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The template is gone. Its jobs stay."""
    ref = refs.template(id)
    await templates.delete(info.context.house, info.context.principal, ref)
    spelling = job_graphql(ref.number)
    return {"id": spelling, "message": f"JobTemplate {spelling} was deleted."}


# -- the fields of a JobTemplate ----------------------------------------------------------------------------


@template_type.field("taskTemplates")
async def tasks_of(template: JobTemplate, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the template's tasks, in order."""
    info.context.job_templates.prime(template.id, template)
    names = await engine_names(info.context, args)
    tasks = [each for each in template.tasks if names is None or each.request.engine_id in names]
    return paging.page(tasks, args.get("offset"), args.get("limit"), paging.TASKS)


@template_type.field("jobPipeline")
def pipeline_of(template: JobTemplate, info: Info) -> Any:
    """Returns the pipeline of the template."""
    return optional(info.context.pipelines.load, template.pipeline_id)


def _routes(routes: Sequence[RouteRequest]) -> list[dict[str, Any]]:
    """Returns the routes of the request."""
    return [
        {
            "parentIoFolderReferenceId": route.parent_folder,
            "childIoFolderReferenceId": route.child_folder,
            "options": route.options,
            "endpoint": route.endpoint,
            "syncEnabled": route.sync,
            "syncTimeoutInSeconds": route.sync_seconds,
            "chunkCallbackEnabled": route.callback,
        }
        for route in routes
    ]


template_type.set_field("id", lambda template, _: job_graphql(template.id))
template_type.set_field("createdDateTime", lambda template, _: graphql_millis(template.created_at))
template_type.set_field("modifiedDateTime", lambda template, _: graphql_millis(template.modified_at))
template_type.set_field("jobPipelineStage", lambda template, _: template.stage)
template_type.set_field("clusterId", lambda template, _: template.document.echo.get("clusterId"))
template_type.set_field("skipDecider", lambda template, _: template.document.echo.get("skipDecider"))
template_type.set_field("jobConfig", lambda template, _: template.document.job_config or None)
template_type.set_field("routes", lambda template, _: _routes(template.document.routes))
template_type.set_field("jobPipelineId", lambda template, _: optional(pipeline_uuid, template.pipeline_id))


BINDABLES: Final = [query, mutation, template_type]
