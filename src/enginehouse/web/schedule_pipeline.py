"""The pipeline of a schedule's form: the job template that it makes of what each run reads."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.operations import pipeline_jobs, templates
from enginehouse.operations.pipeline_input import PipelineSource
from enginehouse.operations.pipeline_jobs import PipelineJob, PipelinePlan
from enginehouse.text.media_types import bare
from enginehouse.web.page_request import PageRequest
from enginehouse.web.schedule_form import ScheduleForm


async def with_pipeline(
    request: PageRequest, given: Mapping[str, str], read: ScheduleForm, *, fresh: bool
) -> ScheduleForm:
    """Returns the form with the template of its pipeline, or with what is wrong with it.

    A fresh schedule without a description says what it runs.
    """
    wanted = [name for name in ("input", "media_type") if given[name]]
    if not given["pipeline"]:
        lost = [Problem(name, "goes with a pipeline; choose one.") for name in wanted]
        return replace(read, problems=[*read.problems, *lost])
    if not wanted:
        text = "an address, or below the type of the target with which the schedule is launched."
        return replace(read, problems=[*read.problems, Problem("input", text)])
    try:
        plan = await _plan(request, given["pipeline"], given["input"] or None, given["media_type"])
    except InvalidInput as refused:
        return replace(read, problems=[*read.problems, *refused.problems])
    except NotFound as unknown:
        return replace(read, problems=[*read.problems, Problem("pipeline", unknown.message)])
    template = templates.new(request.principal, tasks=plan.job.tasks, routes=plan.job.routes)
    wrong = templates.problems(request.house, request.principal, template, "pipeline.")
    settings = read.request
    if fresh and not given["description"]:
        place = f" at {given['input']}" if given["input"] else ""
        words = f"{given['pipeline']} of {plan.media_type}{place}"
        settings = msgspec.structs.replace(settings, description=words)
    selection = replace(read.selection, fresh=(*read.selection.fresh, template))
    return ScheduleForm(settings, selection, [*read.problems, *wrong])


async def _plan(request: PageRequest, name: str, url: str | None, media_type: str) -> PipelinePlan:
    house, principal = request.house, request.principal
    if media_type:
        job = await pipeline_jobs.job_for_type(house, principal, name, media_type, url=url, path="pipeline")
        return PipelinePlan(job, bare(media_type))
    wanted = PipelineJob(pipeline=name, source=PipelineSource(url=url))
    return await pipeline_jobs.plan(house, principal, wanted, path="pipeline")
