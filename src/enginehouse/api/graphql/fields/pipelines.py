"""The fields of pipelines, which are ours: list, look at, add, remove, and create jobs of them."""

from collections.abc import Sequence
from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields.jobs import UnreadJob, read_created
from enginehouse.api.view.job_graph import create_job_input
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import Job
from enginehouse.domain.pipelines import INPUT, Pipeline, PipelineInput, PipelineStep
from enginehouse.operations import pipeline_engines, pipeline_jobs, pipelines
from enginehouse.operations.pipeline_input import PipelineSource
from enginehouse.operations.pipeline_jobs import PipelineJob

query, mutation = QueryType(), MutationType()


@query.field("pipelines")
async def list_pipelines(_: object, info: Info) -> list[dict[str, Any]]:
    """Returns the pipelines that are built in and the organization's own, by name."""
    context = info.context
    return await _shown(context, await pipelines.list_(context.house, context.principal))


@query.field("pipeline")
async def get(_: object, info: Info, name: str) -> dict[str, Any]:
    """Returns the pipeline with this name."""
    context = info.context
    [shown] = await _shown(context, [await pipelines.get(context.house, context.principal, name)])
    return shown


@query.field("pipelinePlan")
async def plan(_: object, info: Info, name: str, **args: Any) -> dict[str, Any]:
    """Returns the input of createJob for the job that the pipeline would make now."""
    context = info.context
    media_type = args.pop("mediaType", None)
    source = _source(args)
    if media_type is None:
        made = await pipeline_jobs.job(context.house, context.principal, PipelineJob(pipeline=name, source=source))
    elif source.given:
        raise InvalidInput("a media type or one input, not both.", "mediaType")
    else:
        made = await pipeline_jobs.job_for_type(context.house, context.principal, name, media_type)
    return {"job": create_job_input(made)}


@mutation.field("upsertPipeline")
async def put(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """The pipeline exists, in place of one with this name."""
    context = info.context
    new = Pipeline(
        name=input["name"],
        description=input.get("description") or "",
        input=PipelineInput(input.get("input") or PipelineInput.TEXT),
        steps=tuple(_step(step) for step in input.get("steps") or ()),
    )
    [shown] = await _shown(context, [await pipelines.put(context.house, context.principal, new)])
    return shown


@mutation.field("deletePipeline")
async def delete(_: object, info: Info, name: str) -> dict[str, Any]:
    """The pipeline is gone; a standard one with this name is there again."""
    await pipelines.delete(info.context.house, info.context.principal, name)
    return {"id": name, "message": f"Pipeline {name} was deleted."}


@mutation.field("createPipelineJob")
async def create_job(_: object, info: Info, input: dict[str, Any], **args: Any) -> Job | UnreadJob:
    """The job is durable and waits for its first task to start."""
    context = info.context
    wanted = PipelineJob(pipeline=input["pipeline"], source=_source(input), name=input.get("name"))
    key = idempotency.key(context, args.get("idempotencyKey"))
    made = await pipeline_jobs.create(context.house, context.principal, wanted, key=key, path="pipeline")
    return await read_created(context, info, made)


def _source(fields: dict[str, Any]) -> PipelineSource:
    return PipelineSource(target_id=fields.get("targetId"), url=fields.get("url"), text=fields.get("text"))


def _step(fields: dict[str, Any]) -> PipelineStep:
    payload = fields.get("payload")
    return PipelineStep(
        name=fields["name"],
        engines=tuple(fields.get("engines") or ()),
        category=fields.get("category"),
        reads=fields.get("reads") or INPUT,
        payload={} if payload is None else payload,
        optional=bool(fields.get("optional")),
    )


async def _shown(context: Context, known: list[Pipeline]) -> list[dict[str, Any]]:
    engines = await pipeline_engines.of_steps(context.house, context.principal, known)
    return [_view(each, engines[each.name]) for each in known]


def _view(pipeline: Pipeline, engines: Sequence[EngineSpec | None]) -> dict[str, Any]:
    own = pipeline.organization_id is not None
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "input": pipeline.input.value,
        "builtIn": not own,
        "steps": [_step_view(step, engine) for step, engine in zip(pipeline.steps, engines, strict=True)],
        "createdDateTime": pipeline.created_at if own else None,
        "modifiedDateTime": pipeline.modified_at if own else None,
    }


def _step_view(step: PipelineStep, engine: EngineSpec | None) -> dict[str, Any]:
    return {
        "name": step.name,
        "reads": step.reads,
        "engines": step.engines,
        "category": step.category,
        "payload": step.payload,
        "optional": step.optional,
        "engineId": None if engine is None else engine.id,
        "engineName": None if engine is None else engine.name,
    }


BINDABLES: Final = [query, mutation]
