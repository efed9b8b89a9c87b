"""What a scheduled job launches, as a request names it: templates, pipelines, and templates made with the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.schedules.schedule import Launch
from enginehouse.domain.sources import Source
from enginehouse.domain.templates import JobTemplate, named_sources
from enginehouse.operations import templates as operations
from enginehouse.storage import pipelines, sources, templates
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import schedules as storage


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSelection:
    """What a request wants launched: templates by id, pipelines by id, and templates to make with the schedule.

    None leaves that kind as it is. `fresh` have ids of 0, and get theirs in the transaction. `content` are the content
    templates that come with it; it is no launch of its own.
    """

    template_ids: Sequence[int] | None = None
    pipeline_ids: Sequence[int] | None = None
    fresh: Sequence[JobTemplate] = ()
    content: Sequence[ContentTemplate] | None = None


async def named(
    tx: Tx, principal: Principal, launches: LaunchSelection, had: Sequence[Launch]
) -> tuple[list[Launch], list[Problem]]:
    """What is launched by id, where something was not given as it was before; and which of it is not there."""
    templates_had = [each.template_id for each in had if each.template_id is not None]
    pipelines_had = [each.pipeline_id for each in had if each.pipeline_id is not None]
    if launches.fresh:
        templates_had = []  # templates written into the request take the place of those that were there
    by_template = templates_had if launches.template_ids is None else launches.template_ids
    by_pipeline = pipelines_had if launches.pipeline_ids is None else launches.pipeline_ids
    wanted = [Launch(template_id=i) for i in by_template] + [Launch(pipeline_id=i) for i in by_pipeline]
    missing = await storage.unknown_launches(tx, principal.organization_id, wanted)
    return wanted, [_not_there(each) for each in missing]


def _not_there(launch: Launch) -> Problem:
    if launch.template_id is not None:
        return Problem("jobTemplateIds", "there is no such job template.", job_graphql(launch.template_id))
    return Problem("jobPipelineIds", "there is no such job pipeline.", pipeline_uuid(launch.pipeline_id or 0))


async def with_fresh(tx: Tx, principal: Principal, launches: LaunchSelection, ids: Sequence[Launch]) -> list[Launch]:
    """The templates made with the schedule exist; answers all that is launched, those first.

    Raises NotFound, NotAllowed where one of them names a pipeline that is not the caller's.
    """
    made = await operations.add(tx, principal, launches.fresh, "jobTemplates")
    return [*(Launch(template_id=each.id) for each in made), *ids]


async def primary_source(
    tx: Tx, principal: Principal, fresh: Sequence[JobTemplate], ids: Sequence[Launch]
) -> Source | None:
    """The first source that what is launched names, and that the organization may read."""
    lines = [each.pipeline_id for each in ids if each.pipeline_id is not None]
    inside = await pipelines.members(tx, lines) if lines else {}
    wanted = [each.template_id for each in ids if each.template_id is not None]
    wanted += [template_id for line in lines for template_id in inside.get(line, ())]
    known = await templates.readable(tx, principal.organization_id, wanted) if wanted else {}
    named_ = named_sources([*fresh, *(known[template_id] for template_id in wanted if template_id in known)])
    found = await sources.by_ids(tx, principal.organization_id, named_) if named_ else {}
    return next((found[source_id] for source_id in named_ if source_id in found), None)
