"""Launches by hand: `launchJobTemplates`, `launchScheduledJobs` and `createNextPipelineJobs`."""

from typing import Any, Final

from ariadne import MutationType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields.jobs import KNOWN_AT_ONCE, UnreadJob, selected
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import Input, target_request
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.operations import accounts, jobs
from enginehouse.operations.schedules import job_pipeline_jobs, launches
from enginehouse.operations.schedules.launches import LaunchOptions

mutation = MutationType()


@mutation.field("launchJobTemplates")
async def launch_templates(_: object, info: Info, input: dict[str, Any]) -> list[Job]:
    """One job of each of the templates is durable."""
    context = info.context
    ids = [refs.template(text, path=f"ids[{place}]").number for place, text in enumerate(input["ids"])]
    text = input.get("scheduledJobId")
    schedule = None if text is None else refs.schedule(text, path="scheduledJobId")
    created = await launches.launch_templates(
        context.house, context.principal, ids, schedule=schedule, options=_options(input)
    )
    by_id = await jobs.get_many(context.house, context.principal, [each.job_id for each in created])
    return [by_id[each.job_id] for each in created if each.job_id in by_id]


@mutation.field("launchScheduledJobs")
async def launch_schedule(_: object, info: Info, input: dict[str, Any]) -> list[Job | UnreadJob]:
    """One job of each template of the scheduled job is durable."""
    context, text = info.context, input.get("scheduledJobId")
    if not text:
        raise InvalidInput("must be given.", "scheduledJobId")
    ref = refs.schedule(text, path="scheduledJobId")
    created = await launches.launch_schedule(
        context.house, context.principal, ref, options=_options(input), path="scheduledJobId"
    )
    if selected(info) <= KNOWN_AT_ONCE:
        return [UnreadJob(each.job_id, each.target_id, each.warnings) for each in created]
    by_id = await jobs.get_many(context.house, context.principal, [each.job_id for each in created])
    return [by_id[each.job_id] for each in created if each.job_id in by_id]


@mutation.field("createNextPipelineJobs")
async def create_next(_: object, info: Info, input: dict[str, Any]) -> list[Job]:
    """One job of each template of the pipeline's next stage is durable."""
    context = info.context
    principal = await accounts.acting(context.house, context.principal, input.get("organizationId"), "organizationId")
    application = await accounts.acting(context.house, principal, input.get("applicationId"), "applicationId")
    if application.organization_id != principal.organization_id:
        raise NotFound("Application", input["applicationId"], path="applicationId")
    parent, pipeline, schedule = (input.get(name) for name in ("parentJobId", "jobPipelineId", "scheduledJobId"))
    created = await job_pipeline_jobs.create(
        context.house,
        principal,
        None if parent is None else Ref(parse_job(parent) or 0, parent),
        pipeline=None if pipeline is None else refs.pipeline(pipeline, path="jobPipelineId"),
        schedule=None if schedule is None else refs.schedule(schedule, path="scheduledJobId"),
        options=_options(input),
    )
    by_id = await jobs.get_many(context.house, principal, [each.job_id for each in created])
    return [by_id[each.job_id] for each in created if each.job_id in by_id]


def _options(fields: Input) -> LaunchOptions:
    """Returns the options of a launch.

    `targetInfo` goes into the payload: engines read there which part of the target is meant.
    """
    info, described = fields.get("targetInfo"), fields.get("createTargetInfo")
    payload = fields.get("payload")
    part = {name: value for name, value in (info or {}).items() if name != "targetId" and value is not None}
    if part and (payload is None or isinstance(payload, dict)):
        payload = {**part, **(payload or {})}
    return LaunchOptions(
        payload=payload,
        target_id=None if info is None else info["targetId"],
        target=None if described is None else target_request(described),
    )


BINDABLES: Final = [mutation]
