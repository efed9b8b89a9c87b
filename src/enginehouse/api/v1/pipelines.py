"""Pipelines under `/api/v1/pipelines`: list, look at, add, remove, and create jobs of them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.view.job_graph import create_job_input
from enginehouse.domain import ids, times
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import InvalidInput, Problem, excerpt
from enginehouse.domain.pipelines import Pipeline, PipelineInput, PipelineStep
from enginehouse.operations import pipeline_engines, pipeline_jobs, pipelines
from enginehouse.operations.pipeline_input import PipelineSource
from enginehouse.operations.pipeline_jobs import PipelineJob
from enginehouse.text.media_types import bare


class NewStep(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An engine at work: the first of `engines` (ids or slugs) that is here, else the best of the `category`."""

    name: str
    engines: list[str] = []
    category: str | None = None
    reads: str = "input"
    payload: dict[str, Any] = {}
    optional: bool = False


class NewPipeline(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the pipeline does. Its `name` is in the path; here it may be left out."""

    name: str | None = None
    description: str = ""
    input: PipelineInput = PipelineInput.TEXT
    steps: list[NewStep] = []


class PipelineInputBody(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The input of a job: one of the three. `name` is the name that the job gets."""

    target_id: str | None = None
    url: str | None = None
    text: str | None = None
    name: str | None = None


class PipelinePlanBody(PipelineInputBody, rename="camel", kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The same, or the `mediaType` of a file that is not there yet, perhaps with the `url` where it will be."""

    media_type: str | None = None


class PipelineStepView(msgspec.Struct, rename=spelled, kw_only=True):
    """A step, and the engine that does it now; null if none is installed."""

    name: str
    reads: str
    engines: list[str]
    category: str | None
    payload: dict[str, Any]
    optional: bool
    engine_id: str | None
    engine_name: str | None


class PipelineView(msgspec.Struct, rename=spelled, kw_only=True):
    """A pipeline. The organization can change one that is not built in."""

    name: str
    description: str
    input: str
    built_in: bool
    steps: list[PipelineStepView]
    created_date_time: str | None
    modified_date_time: str | None


class PlanOfPipeline(msgspec.Struct, rename="camel"):
    """The input of `createJob` that creates the job, and the media type of what it reads."""

    job: dict[str, Any]
    media_type: str


class CreatedPipelineJob(
    msgspec.Struct,
    kw_only=True,
    rename={"internal_job_id": "internalJobID", "core_job_id": "coreJobID", "target_id": "targetId"},
):
    """The job, and what it reads."""

    internal_job_id: str
    core_job_id: str
    target_id: str | None
    warnings: list[str]


_NEW: Final = Body(NewPipeline, free=True, exact=True)
_JOB: Final = Body(PipelineInputBody, exact=True)
_PLAN: Final = Body(PipelinePlanBody, exact=True)


@answers(Result[list[PipelineView]])
async def list_pipelines(call: Call) -> Reply:
    """GET pipelines: those that are built in and the organization's own, by name."""
    Query(call.query).finish()
    known = await pipelines.list_(call.house, call.principal)
    engines = await pipeline_engines.of_steps(call.house, call.principal, known)
    return result([_view(each, engines[each.name]) for each in known])


@answers(Result[PipelineView])
async def get(call: Call) -> Reply:
    """GET pipelines/{PipelineName}: the pipeline, and the engines that do its steps now."""
    Query(call.query).finish()
    return await _shown(call, await pipelines.get(call.house, call.principal, call.id))


@answers(Result[PipelineView], body=_NEW)
async def put(call: Call) -> Reply:
    """PUT pipelines/{PipelineName}: adds the pipeline, in place of one of this name."""
    body, problems = await call.judged_body(_NEW)
    if body.name not in (None, call.id):
        text = f"must be {excerpt(call.id)} as in the path, or be left out."
        problems.append(Problem("name", text, excerpt(body.name)))
    steps = tuple(
        PipelineStep(
            name=step.name,
            engines=tuple(step.engines),
            category=step.category,
            reads=step.reads,
            payload=step.payload,
            optional=step.optional,
        )
        for step in body.steps
    )
    new = Pipeline(name=call.id, description=body.description, input=body.input, steps=steps)
    return await _shown(call, await pipelines.put(call.house, call.principal, new, problems))


@answers(None, status=204)
async def delete(call: Call) -> Reply:
    """DELETE pipelines/{PipelineName}: one that is built in and has this name is there again."""
    Query(call.query).finish()
    await pipelines.delete(call.house, call.principal, call.id)
    return NO_CONTENT


@answers(Result[PlanOfPipeline], body=_PLAN)
async def plan(call: Call) -> Reply:
    """POST pipelines/{PipelineName}/plan: the job that would be created now. Nothing is created."""
    body = await call.body(_PLAN)
    if body.media_type is not None:
        if (body.target_id, body.text) != (None, None):
            raise InvalidInput("a media type, perhaps with a url, or one input, not both.", "mediaType")
        made = await pipeline_jobs.job_for_type(call.house, call.principal, call.id, body.media_type, url=body.url)
        return result(
            PlanOfPipeline(create_job_input(msgspec.structs.replace(made, name=body.name)), bare(body.media_type))
        )
    planned = await pipeline_jobs.plan(call.house, call.principal, _wanted(call, body))
    return result(PlanOfPipeline(create_job_input(planned.job), planned.media_type))


@answers(Result[CreatedPipelineJob], body=_JOB, idempotent=True)
async def create_job(call: Call) -> Reply:
    """POST pipelines/{PipelineName}/jobs: creates a job that does the steps of the pipeline on the input."""
    body = await call.body(_JOB)
    made = await pipeline_jobs.create(call.house, call.principal, _wanted(call, body), key=call.key)
    shown = CreatedPipelineJob(
        internal_job_id=ids.job_uuid(made.job_id),
        core_job_id=ids.job_graphql(made.job_id),
        target_id=None if made.target_id is None else str(made.target_id),
        warnings=list(made.warnings),
    )
    return result(shown, replayed=made.replayed)


def _wanted(call: Call, body: PipelineInputBody) -> PipelineJob:
    source = PipelineSource(target_id=body.target_id, url=body.url, text=body.text)
    return PipelineJob(pipeline=call.id, source=source, name=body.name)


async def _shown(call: Call, pipeline: Pipeline) -> Reply:
    engines = await pipeline_engines.of_steps(call.house, call.principal, [pipeline])
    return result(_view(pipeline, engines[pipeline.name]))


def _view(pipeline: Pipeline, engines: Sequence[EngineSpec | None]) -> PipelineView:
    own = pipeline.organization_id is not None
    return PipelineView(
        name=pipeline.name,
        description=pipeline.description,
        input=pipeline.input.value,
        built_in=not own,
        steps=[_step_view(step, engine) for step, engine in zip(pipeline.steps, engines, strict=True)],
        created_date_time=times.rest(pipeline.created_at) if own else None,
        modified_date_time=times.rest(pipeline.modified_at) if own else None,
    )


def _step_view(step: PipelineStep, engine: EngineSpec | None) -> PipelineStepView:
    return PipelineStepView(
        name=step.name,
        reads=step.reads,
        engines=list(step.engines),
        category=step.category,
        payload=step.payload,
        optional=step.optional,
        engine_id=None if engine is None else engine.id,
        engine_name=None if engine is None else engine.name,
    )
