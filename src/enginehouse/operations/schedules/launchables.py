"""What a request lets a scheduled job launch: templates, pipelines, and templates created with the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import Fault, Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import NUMBER_FORM, job_graphql, pipeline_uuid
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.schedules.schedule import Launch
from enginehouse.domain.sources import Source
from enginehouse.domain.templates import JobTemplate, named_sources
from enginehouse.operations import templates as operations
from enginehouse.operations.references import not_found
from enginehouse.storage import job_pipelines, sources, templates
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import schedules as storage


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSelection:
    """What to launch: templates by id, pipelines by id, and `fresh` templates to create with the schedule.

    None keeps the launches of that kind. `fresh` templates have the id 0 and get their ids in the transaction.
    `content` are the content templates of the schedule; they are not launched.
    """

    template_ids: Sequence[int] | None = None
    pipeline_ids: Sequence[int] | None = None
    fresh: Sequence[JobTemplate] = ()
    content: Sequence[ContentTemplate] | None = None


async def by_id(
    tx: Tx, principal: Principal, selection: LaunchSelection, before: Sequence[Launch]
) -> tuple[list[Launch], list[Problem]]:
    """Returns what is launched by id, and a problem for each unknown id. A kind that is None stays as `before`."""
    templates_before = [each.template_id for each in before if each.template_id is not None]
    pipelines_before = [each.pipeline_id for each in before if each.pipeline_id is not None]
    if selection.fresh:
        templates_before = []  # templates in the request replace the earlier ones
    by_template = templates_before if selection.template_ids is None else selection.template_ids
    by_pipeline = pipelines_before if selection.pipeline_ids is None else selection.pipeline_ids
    launches = [Launch(template_id=i) for i in by_template] + [Launch(pipeline_id=i) for i in by_pipeline]
    missing = await storage.unknown_launches(tx, principal.organization_id, launches)
    return launches, [_not_there(each, selection) for each in missing]


def _not_there(launch: Launch, selection: LaunchSelection) -> Problem:
    if (template_id := launch.template_id) is not None:
        path = f"jobTemplateIds{_place(template_id, selection.template_ids)}"
        return Problem(path, "there is no such job template.", job_graphql(template_id), fault=Fault.UNKNOWN)
    pipeline_id = launch.pipeline_id or 0
    path = f"jobPipelineIds{_place(pipeline_id, selection.pipeline_ids)}"
    return Problem(path, "there is no such job pipeline.", pipeline_uuid(pipeline_id), fault=Fault.UNKNOWN)


def _place(named: int, listed: Sequence[int] | None) -> str:
    """Returns the index in the caller's list. A launch that stays from before is in no list."""
    return f"[{listed.index(named)}]" if listed and named in listed else ""


async def with_fresh(
    tx: Tx, principal: Principal, selection: LaunchSelection, launches: Sequence[Launch]
) -> list[Launch]:
    """Creates the fresh templates. Returns everything that is launched, the fresh templates first.

    Raises NotFound, NotAllowed if one of them names a pipeline that is not the caller's.
    """
    fresh = await operations.add(tx, principal, selection.fresh, "jobTemplates")
    return [*(Launch(template_id=each.id) for each in fresh), *launches]


async def unknown_source(tx: Tx, principal: Principal, request: ScheduleRequest) -> list[Problem]:
    """Returns a problem if the request names a primary source that the organization may not read."""
    match request.source_id:
        case int() as source_id if not await sources.by_ids(tx, principal.organization_id, [source_id]):
            return [not_found("primarySourceId", str(source_id), NUMBER_FORM)]
        case _:
            return []


async def primary_source(
    tx: Tx, principal: Principal, fresh: Sequence[JobTemplate], launches: Sequence[Launch]
) -> Source | None:
    """Returns the first source that the launched templates name and that the organization may read."""
    lines = [each.pipeline_id for each in launches if each.pipeline_id is not None]
    inside = await job_pipelines.members(tx, lines) if lines else {}
    template_ids = [each.template_id for each in launches if each.template_id is not None]
    template_ids += [template_id for line in lines for template_id in inside.get(line, ())]
    known = await templates.readable(tx, principal.organization_id, template_ids) if template_ids else {}
    source_ids = named_sources([*fresh, *(known[each] for each in template_ids if each in known)])
    readable = await sources.by_ids(tx, principal.organization_id, source_ids) if source_ids else {}
    return next((readable[source_id] for source_id in source_ids if source_id in readable), None)
