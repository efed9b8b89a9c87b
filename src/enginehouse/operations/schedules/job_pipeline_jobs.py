"""Launches what follows a job in its pipeline: the templates of the next stage, once for each job."""

from collections.abc import Sequence
from dataclasses import replace

from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import bounds, idempotency, job_pipelines, jobs
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob
from enginehouse.operations.permission import require
from enginehouse.operations.references import not_found
from enginehouse.operations.schedules.launches import CREATED, LaunchOptions, launch
from enginehouse.storage import templates
from enginehouse.storage.idempotency import RequestKey


@trail.mutation("createNextPipelineJobs", "Job", names="parent")
async def create(
    house: House,
    principal: Principal,
    parent: Ref | None,
    *,
    pipeline: Ref | None = None,
    schedule: Ref | None = None,
    options: LaunchOptions | None = None,
) -> list[CreatedJob]:
    """Creates one job from each template of the stage after the parent's; without a parent, of the first stage.

    They are about the parent's target, unless the options name another. After the last stage there are none. A repeated
    call for the same parent creates nothing and returns the same jobs, as long as idempotency keys are kept. Raises
    InvalidInput, and NotFound for a pipeline, schedule or target that the caller may not read.
    """
    require(principal, Role.USER)
    options = options or LaunchOptions()
    problems = options.problems()
    job = None if parent is None else (await jobs.get_many(house, principal, [parent.number])).get(parent.number)
    if parent is not None and job is None:
        problems.append(not_found("parentJobId", parent.text))
    if parent is None and pipeline is None:
        problems.append(Problem("parentJobId", "give parentJobId, or jobPipelineId to launch its first stage."))
    bounds.refuse(problems)
    template = None if job is None else await _template(house, principal, job)
    if template is not None and pipeline is not None and template.pipeline_id != pipeline.number:
        raise InvalidInput("is not the pipeline of the parent job's template.", "jobPipelineId")
    key = None if job is None else _key(principal, job)
    if (earlier := await idempotency.earlier(house, key, CREATED)) is not None:
        return [CreatedJob(*ids, replayed=True) for ids in earlier]
    sources = await _following(house, principal, pipeline, template)
    if not sources:
        return []
    if job is not None and job.target_id is not None and options.target_id is None:
        options = replace(options, target_id=str(job.target_id))
    about, number = (job_pipelines.PIPELINE, pipeline and pipeline.number) if job is None else ("Job", job.id)
    detail = f"{len(sources)} jobs"
    entry = trail.entry(principal, "createNextPipelineJobs", object_type=about, object_id=number, detail=detail)
    return await launch(house, principal, sources, options, entry, schedule=schedule, path="scheduledJobId", key=key)


def _key(principal: Principal, job: Job) -> RequestKey | None:
    return idempotency.request_key(principal, "createNextPipelineJobs", f"after-{job.id}", {"parent": job.id})


async def _template(house: House, principal: Principal, job: Job) -> JobTemplate:
    """Returns the template of the parent job, which belongs to a pipeline. Raises InvalidInput."""
    if job.template_id is None:
        raise InvalidInput("was not launched from a job template, so nothing follows it.", "parentJobId")
    ids = [job.template_id]
    template = (await house.database.read(lambda tx: templates.readable(tx, principal.organization_id, ids))).get(
        ids[0]
    )
    if template is None:
        raise InvalidInput("its job template was deleted, so nothing follows it.", "parentJobId")
    if template.pipeline_id is None:
        raise InvalidInput("its job template belongs to no pipeline, so nothing follows it.", "parentJobId")
    return template


async def _following(
    house: House, principal: Principal, pipeline: Ref | None, template: JobTemplate | None
) -> Sequence[JobTemplate]:
    """Returns the templates of the next stage, none after the last one. Raises NotFound for a pipeline."""
    number = pipeline.number if pipeline is not None else (template.pipeline_id or 0) if template is not None else 0
    members = (await job_pipelines.templates(house, principal, [number])).get(number)
    if members is None:
        raise NotFound("JobPipeline", str(number) if pipeline is None else pipeline.text, path="jobPipelineId")
    after = -1 if template is None else template.stage or 0
    stages = sorted({each.stage or 0 for each in members if (each.stage or 0) > after})
    return [each for each in members if stages and (each.stage or 0) == stages[0]]
