"""The queries and mutations of job pipelines, and the fields of a JobPipeline."""

from collections.abc import Sequence
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.errors import Problem
from enginehouse.domain.ids import parse_job, parse_pipeline, parse_schedule, pipeline_uuid
from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.operations import job_pipelines

query, mutation, pipeline_type = QueryType(), MutationType(), ObjectType("JobPipeline")


@query.field("jobPipeline")
async def get_pipeline(_: object, info: Info, id: str) -> JobPipeline:
    """Returns the pipeline with this id."""
    return await job_pipelines.get(info.context.house, info.context.principal, refs.pipeline(id))


@query.field("jobPipelines")
async def list_pipelines(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's pipelines, newest first, with `isPublic: true` of the public ones of all."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.TEMPLATES)
    house, principal = context.house, context.principal
    if args.get("id") is not None:
        pipeline_id = parse_pipeline(args["id"])
        by_id = {} if pipeline_id is None else await job_pipelines.get_many(house, principal, [pipeline_id])
        return paging.page(list(by_id.values()), offset, limit, paging.TEMPLATES)
    schedule = args.get("scheduledJobId")
    page = await job_pipelines.list_(
        house,
        principal,
        schedule_id=None if schedule is None else parse_schedule(schedule) or 0,
        is_public=args.get("isPublic"),
        offset=offset,
        limit=limit,
    )
    return paging.Page(page, offset, limit)


@mutation.field("createJobPipeline")
async def create(_: object, info: Info, input: dict[str, Any]) -> JobPipeline:
    """The pipeline with these templates exists."""
    ids, problems = _template_ids(input.get("jobTemplateIds") or ())
    is_public = bool(input.get("isPublic"))
    return await job_pipelines.create(
        info.context.house, info.context.principal, ids, is_public=is_public, known_problems=problems
    )


@mutation.field("updateJobPipeline")
async def update(_: object, info: Info, input: dict[str, Any]) -> JobPipeline:
    """The given fields of the pipeline are changed."""
    template_ids = input.get("jobTemplateIds")
    ids, problems = _template_ids(template_ids or ())
    return await job_pipelines.update(
        info.context.house,
        info.context.principal,
        refs.pipeline(input["id"]),
        template_ids=None if template_ids is None else ids,
        is_public=input.get("isPublic"),
        known_problems=problems,
    )


@mutation.field("deleteJobPipeline")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The pipeline is gone; its templates stay."""
    ref = refs.pipeline(id)
    await job_pipelines.delete(info.context.house, info.context.principal, ref)
    uuid = pipeline_uuid(ref.number)
    return {"id": uuid, "message": f"JobPipeline {uuid} was deleted."}


def _template_ids(texts: Sequence[str]) -> tuple[list[int], list[Problem]]:
    ids, problems = list[int](), list[Problem]()
    for place, text in enumerate(texts):
        if (template_id := parse_job(text)) is not None:
            ids.append(template_id)
        else:
            problems.append(Problem(f"jobTemplateIds[{place}]", f'there is no job template "{text}".', text))
    return ids, problems


# -- the fields of a JobPipeline ----------------------------------------------------------------------------


@pipeline_type.field("jobTemplates")
async def templates_of(pipeline: JobPipeline, info: Info) -> paging.Page:
    """Returns the templates of the pipeline, stage by stage."""
    templates = await info.context.pipeline_templates.get(pipeline.id) or []
    return paging.Page(templates, 0, max(len(templates), 1))


@pipeline_type.field("organization")
async def organization_of(pipeline: JobPipeline, info: Info) -> Any:
    """Returns the organization if it is the caller's own."""
    _user, organization = await info.context.me()
    return organization if organization.id == pipeline.organization_id else None


pipeline_type.set_field("id", lambda pipeline, _: pipeline_uuid(pipeline.id))
pipeline_type.set_field("organizationId", lambda pipeline, _: pipeline.organization_id)
pipeline_type.set_field("isPublic", lambda pipeline, _: pipeline.is_public)

BINDABLES: Final = [query, mutation, pipeline_type]
