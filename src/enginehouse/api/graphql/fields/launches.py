"""The launches by hand: `launchJobTemplates` and `launchScheduledJobs`."""

from typing import Any, Final

from ariadne import MutationType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields.jobs import KNOWN_AT_ONCE, NewJob, selected
from enginehouse.api.graphql.fields.schedules import schedule_id_of
from enginehouse.api.input.jobs import Input, target_request
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.ids import parse_job, parse_schedule
from enginehouse.domain.job import Job
from enginehouse.operations import jobs
from enginehouse.operations.schedules import launches
from enginehouse.operations.schedules.launches import Launching

mutation = MutationType()


@mutation.field("launchJobTemplates")
async def launch_templates(_: object, info: Info, input: dict[str, Any]) -> list[Job]:
    """One job of each of the templates is durable."""
    context = info.context
    ids = list[int]()
    for place, text in enumerate(input["ids"]):
        template_id = parse_job(text)
        if template_id is None:
            raise NotFound(launches.TEMPLATE, text, path=f"ids[{place}]")
        ids.append(template_id)
    shown = input.get("scheduledJobId")
    schedule_id = None if shown is None else parse_schedule(shown)
    if shown is not None and schedule_id is None:
        raise NotFound(launches.SCHEDULE, shown, path="scheduledJobId")
    created = await launches.launch_templates(
        context.house,
        context.principal,
        ids,
        schedule_id=schedule_id,
        shown=shown or "",
        launching=_launching(input),
    )
    made = await jobs.get_many(context.house, context.principal, [each.job_id for each in created])
    return [made[each.job_id] for each in created if each.job_id in made]


@mutation.field("launchScheduledJobs")
async def launch_schedule(_: object, info: Info, input: dict[str, Any]) -> list[Job | NewJob]:
    """One job of each template of the scheduled job is durable."""
    context, shown = info.context, input.get("scheduledJobId")
    if not shown:
        raise InvalidInput("must be given.", "scheduledJobId")
    created = await launches.launch_schedule(
        context.house, context.principal, schedule_id_of(shown, "scheduledJobId"), shown, launching=_launching(input)
    )
    if selected(info) <= KNOWN_AT_ONCE:
        return [NewJob(each.job_id, each.target_id, each.warnings) for each in created]
    found = await jobs.get_many(context.house, context.principal, [each.job_id for each in created])
    return [found[each.job_id] for each in created if each.job_id in found]


def _launching(given: Input) -> Launching:
    """What a launch gives its jobs. The part of the target they are about is told to their engines, in the payload."""
    info, described = given.get("targetInfo"), given.get("createTargetInfo")
    payload = given.get("payload")
    part = {name: value for name, value in (info or {}).items() if name != "targetId" and value is not None}
    if part and (payload is None or isinstance(payload, dict)):
        payload = {**part, **(payload or {})}
    return Launching(
        payload=payload,
        target_id=None if info is None else info["targetId"],
        target=None if described is None else target_request(described),
    )


BINDABLES: Final = [mutation]
