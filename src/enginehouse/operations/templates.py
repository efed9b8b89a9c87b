"""What may be done with job templates and the tasks in them: create, change, delete; look, list, check."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.job import TEMPLATE as SPELLING
from enginehouse.domain.job import RouteRequest, TaskRequest
from enginehouse.domain.pipelines import Pipeline
from enginehouse.domain.template_jobs import job_request
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument, TemplateFilter
from enginehouse.operations import bounds, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.plans import plan_all
from enginehouse.storage import pipelines
from enginehouse.storage import templates as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import schedules

TEMPLATE: Final = "JobTemplate"
_MOST_STAGES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ScheduleLaunches:
    """What a schedule launches, as far as the caller may read it, each in order.

    `everything` holds its own templates and then those of its pipelines, stage by stage.
    """

    templates: tuple[JobTemplate, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    everything: tuple[JobTemplate, ...] = ()


# -- is it right --------------------------------------------------------------------------------------------


def new(
    principal: Principal,
    *,
    tasks: Sequence[TaskRequest] = (),
    routes: Sequence[RouteRequest] = (),
    job_config: dict[str, Any] | None = None,
    echo: dict[str, Any] | None = None,
    pipeline_id: int | None = None,
    stage: int | None = None,
) -> JobTemplate:
    """A template of the caller's to be created, here or with a schedule; it has no id yet."""
    return JobTemplate(
        id=0,
        organization_id=principal.organization_id,
        pipeline_id=pipeline_id,
        stage=stage,
        document=TemplateDocument(routes=tuple(routes), job_config=job_config or {}, echo=echo or {}),
        tasks=tuple(TaskTemplate(template_id=0, ordinal=n, request=task) for n, task in enumerate(tasks)),
        created_by=principal.user_id,
    )


def problems(house: House, principal: Principal, template: JobTemplate, prefix: str = "") -> list[Problem]:
    """All that would keep a job from being made of it; `prefix` is put before each path (`jobTemplates[0].`)."""
    found = _config_problems(template.document.job_config, prefix)
    if template.stage is not None and not 0 <= template.stage <= _MOST_STAGES:
        allowed = f"0–{_MOST_STAGES}"
        found.append(Problem(f"{prefix}jobPipelineStage", f"{allowed}, got {template.stage}.", None, allowed))
    found += bounds.json(f"{prefix}jobConfig", template.document.job_config)
    if found:
        return found
    request = replace(job_request(template), spelling=SPELLING, prefix=prefix)
    if request.target is not None:
        found += targets.problems(request.target, f"{prefix}jobConfig.createTDOInput.")
    try:
        plan_all(house, principal, [request], ())
    except InvalidInput as refused:
        found += refused.problems
    return found


def _config_problems(config: dict[str, Any], prefix: str) -> list[Problem]:
    path = f"{prefix}jobConfig"
    found = list[Problem]()
    if not isinstance(config.get("createTDOOnLaunch", True), bool):
        found.append(Problem(f"{path}.createTDOOnLaunch", "true or false."))
    wanted = config.get("createTDOInput")
    if wanted is not None and not isinstance(wanted, dict):
        return [*found, Problem(f"{path}.createTDOInput", "must be an object.")]
    for name in ("name", "description", "status"):
        if not isinstance((wanted or {}).get(name, ""), str | None):
            found.append(Problem(f"{path}.createTDOInput.{name}", "must be a text."))
    if not isinstance((wanted or {}).get("isPublic", False), bool | None):
        found.append(Problem(f"{path}.createTDOInput.isPublic", "true or false."))
    return found


# -- look ---------------------------------------------------------------------------------------------------


async def get(house: House, principal: Principal, template_id: int, shown: str = "") -> JobTemplate:
    """The template. Raises NotFound, for a foreign one that is in no public pipeline too."""
    found = await get_many(house, principal, [template_id])
    if template_id not in found:
        raise NotFound(TEMPLATE, shown or template_id)
    return found[template_id]


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, JobTemplate]:
    """Those of the templates that the caller may read."""
    require(principal, Role.READER)
    wanted = sorted({known for known in ids if 0 < known <= bounds.LARGEST_ID})
    return await house.database.read(lambda tx: storage.readable(tx, principal.organization_id, wanted))


async def list_(house: House, principal: Principal, wanted: TemplateFilter) -> list[JobTemplate]:
    """One page of the organization's templates, the newest first. Raises InvalidInput for a page out of bounds."""
    require(principal, Role.READER)
    bounds.page(wanted.offset, wanted.limit, largest=house.limits.page_size)
    return await house.database.read(lambda tx: storage.page(tx, principal.organization_id, wanted))


async def launched(house: House, principal: Principal, schedule_ids: Iterable[int]) -> dict[int, ScheduleLaunches]:
    """What each of the schedules launches, in one go. The schedules must be the caller's to read."""
    require(principal, Role.READER)
    wanted = sorted(set(schedule_ids))

    async def read(tx: Tx) -> dict[int, ScheduleLaunches]:
        parts = await schedules.launches(tx, wanted)
        named = {e.pipeline_id for each in parts.values() for e in each if e.pipeline_id is not None}
        lines = await pipelines.by_ids(tx, principal.organization_id, named)
        members = await pipelines.members(tx, lines)
        ids = {e.template_id for each in parts.values() for e in each if e.template_id is not None}
        ids |= {template_id for each in members.values() for template_id in each}
        known = await storage.readable(tx, principal.organization_id, ids)
        found = dict[int, ScheduleLaunches]()
        for schedule_id in wanted:
            each = parts.get(schedule_id, [])
            own = [known[e.template_id] for e in each if e.template_id in known]
            of = [lines[e.pipeline_id] for e in each if e.pipeline_id in lines]
            inside = [known[t] for line in of for t in members.get(line.id, ()) if t in known]
            found[schedule_id] = ScheduleLaunches(tuple(own), tuple(of), (*own, *inside))
        return found

    return await house.database.read(read)


# -- change -------------------------------------------------------------------------------------------------


@trail.mutation("createJobTemplate", TEMPLATE)
async def create(
    house: House, principal: Principal, template: JobTemplate, *, found: Sequence[Problem] = ()
) -> JobTemplate:
    """The template exists, in its pipeline; one with a stage and no pipeline is in a new one.

    One without tasks waits for `create_task`. Raises InvalidInput with all problems (`found` are those the entrance
    met), NotFound for a pipeline that is not the caller's.
    """
    require(principal, Role.USER)
    wrong = [*found]
    if template.tasks or template.document.routes:
        wrong += problems(house, principal, template)
    bounds.refuse(wrong)
    done = trail.entry(principal, "createJobTemplate", object_type=TEMPLATE)

    async def make(tx: Tx) -> JobTemplate:
        [made] = await add(tx, principal, [template])
        await entries.record(tx, [done.about(made.id)])
        return made

    return await house.database.write(make)


async def add(tx: Tx, principal: Principal, wanted: Sequence[JobTemplate], path: str = "") -> list[JobTemplate]:
    """The templates exist in the pipelines they name. Raises NotFound, NotAllowed for one that is not the caller's."""
    places = {each.pipeline_id: n for n, each in reversed(list(enumerate(wanted))) if each.pipeline_id is not None}
    for pipeline_id, place in sorted(places.items()):
        at = f"{path}[{place}].jobPipelineId" if path else "jobPipelineId"
        await own_pipeline(tx, principal, pipeline_id, path=at)
    return await storage.add(tx, wanted)


async def own_pipeline(tx: Tx, principal: Principal, pipeline_id: int, shown: str = "", *, path: str = "") -> Pipeline:
    """The caller's own pipeline, locked. Raises NotFound, NotAllowed for a public one of another organization."""
    found = await pipelines.lock(tx, principal.organization_id, pipeline_id)
    if found is None:
        if await pipelines.by_ids(tx, principal.organization_id, [pipeline_id]):
            raise NotAllowed("This pipeline belongs to another organization; it can be read, not changed.")
        raise NotFound("JobPipeline", shown or pipeline_uuid(pipeline_id), path=path)
    return found


async def changed(
    house: House,
    principal: Principal,
    event: str,
    template_id: int,
    shown: str,
    change: Callable[[JobTemplate], JobTemplate],
    *,
    object_type: str = TEMPLATE,
    ordinal: int | None = None,
) -> JobTemplate:
    """The caller's template is what `change` makes of it, and right. Raises NotFound, NotAllowed, InvalidInput."""
    done = trail.entry(principal, event, object_type=object_type, object_id=template_id)

    async def work(tx: Tx) -> JobTemplate:
        old = await _own(tx, principal, template_id, shown, object_type)
        new = change(old)
        if not new.tasks:
            await _refuse_launched(tx, principal, template_id, "would be left without a task")
        if new.tasks or new.document.routes:
            bounds.refuse(problems(house, principal, new))
        await storage.update(tx, old, new)
        place = ordinal if ordinal is not None else _fresh(old, new)
        await entries.record(tx, [done if place is None else done.about(f"{template_id}/{place}")])
        return (await storage.by_ids(tx, principal.organization_id, [template_id]))[template_id]

    return await house.database.write(work)


def _fresh(old: JobTemplate, new: JobTemplate) -> int | None:
    """The ordinal of the task that was added, None when none was."""
    return new.tasks[-1].ordinal if len(new.tasks) > len(old.tasks) else None


async def _own(tx: Tx, principal: Principal, template_id: int, shown: str, object_type: str) -> JobTemplate:
    found = await storage.lock(tx, principal.organization_id, [template_id])
    if template_id not in found:
        if await storage.readable(tx, principal.organization_id, [template_id]):
            raise NotAllowed("This template belongs to another organization; it can be read, not changed.")
        raise NotFound(object_type, shown or template_id)
    return found[template_id]


async def _refuse_launched(tx: Tx, principal: Principal, template_id: int, what: str) -> None:
    used = used_by(await storage.launched_by(tx, template_id), principal)
    if used:
        raise InvalidInput(f'"{job_graphql(template_id)}" {what}: {used}. Change or delete those first.', "id")


def used_by(schedules_: Sequence[tuple[int, int]], principal: Principal, *, verb: str = "launch it") -> str:
    """Which schedules use a thing, as the caller may know it: `scheduled jobs 100001 and 2 more launch it`."""
    own = [
        str(schedule_id) for schedule_id, organization_id in schedules_ if organization_id == principal.organization_id
    ]
    named, others = own[:5], len(schedules_) - len(own[:5])
    if not schedules_:
        return ""
    if not named:
        return f"{others} scheduled jobs of other organizations {verb}"
    more = f" and {others} more" if others else ""
    return f"scheduled jobs {', '.join(named)}{more} {verb}"


@trail.mutation("updateJobTemplate", TEMPLATE, names="template_id")
async def update(
    house: House,
    principal: Principal,
    template_id: int,
    *,
    shown: str = "",
    stage: int | None = None,
    job_config: dict[str, Any] | None = None,
    skip_decider: bool | None = None,
    routes: Sequence[RouteRequest] | None = None,
) -> JobTemplate:
    """The template is changed where something is given; schedules launch the new one from this commit on.

    Raises NotFound, NotAllowed, InvalidInput with all problems.
    """
    require(principal, Role.USER)

    def change(old: JobTemplate) -> JobTemplate:
        document = old.document
        echo = document.echo if skip_decider is None else {**document.echo, "skipDecider": skip_decider}
        document = TemplateDocument(
            routes=document.routes if routes is None else tuple(routes),
            job_config=document.job_config if job_config is None else job_config,
            echo=echo,
        )
        return msgspec.structs.replace(old, document=document, stage=old.stage if stage is None else stage)

    return await changed(house, principal, "updateJobTemplate", template_id, shown, change)


@trail.mutation("deleteJobTemplate", TEMPLATE, names="template_id")
async def delete(house: House, principal: Principal, template_id: int, shown: str = "") -> None:
    """The template is gone; jobs made from it stay. Raises InvalidInput while a schedule launches it, NotFound."""
    require(principal, Role.USER)
    done = trail.entry(principal, "deleteJobTemplate", object_type=TEMPLATE, object_id=template_id)

    async def remove(tx: Tx) -> None:
        await _own(tx, principal, template_id, shown, TEMPLATE)
        await _refuse_launched(tx, principal, template_id, "cannot be deleted")
        await storage.delete(tx, [template_id])
        await entries.record(tx, [done])

    await house.database.write(remove)
