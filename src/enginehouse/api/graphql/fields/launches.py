"""`launchJobTemplates`, and how a launch says what it gives its jobs."""

from typing import Any, Final

from ariadne import MutationType

from enginehouse.api.graphql.context import Info
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import Input, target_request
from enginehouse.domain.job import Job
from enginehouse.operations import jobs
from enginehouse.operations.schedules import launches
from enginehouse.operations.schedules.launches import LaunchOptions

mutation = MutationType()


@mutation.field("launchJobTemplates")
async def launch(_: object, info: Info, input: dict[str, Any]) -> list[Job]:
    """One job of each of the templates is durable."""
    context = info.context
    ids = [refs.template(text, path=f"ids[{place}]").number for place, text in enumerate(input["ids"])]
    text = input.get("scheduledJobId")
    schedule = None if text is None else refs.schedule(text, path="scheduledJobId")
    created = await launches.launch_templates(
        context.house, context.principal, ids, schedule=schedule, options=launch_options(input)
    )
    made = await jobs.get_many(context.house, context.principal, [each.job_id for each in created])
    return [made[each.job_id] for each in created if each.job_id in made]


def launch_options(given: Input) -> LaunchOptions:
    """What a launch gives its jobs. The part of the target they are about is told to their engines, in the payload."""
    info, described = given.get("targetInfo"), given.get("createTargetInfo")
    payload = given.get("payload")
    part = {name: value for name, value in (info or {}).items() if name != "targetId" and value is not None}
    if part and (payload is None or isinstance(payload, dict)):
        payload = {**part, **(payload or {})}
    return LaunchOptions(
        payload=payload,
        target_id=None if info is None else info["targetId"],
        target=None if described is None else target_request(described),
    )


BINDABLES: Final = [mutation]
