"""The operations on job templates: get, list, check, create, update, delete."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.job import RouteRequest, TaskRequest
from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import description
from enginehouse.domain.spelling import TEMPLATE as SPELLING
from enginehouse.domain.template_jobs import job_request
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument, TemplateFilter
from enginehouse.operations import bounds, owned, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.job_pipelines import KIND as PIPELINE
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.operations.plans import plan_all
from enginehouse.storage import job_pipelines
from enginehouse.storage import templates as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import schedules

TEMPLATE: Final = "JobTemplate"
KIND: Final = OwnedKind(TEMPLATE, "template", by_ids=storage.readable, lock=storage.lock_one)
_MOST_STAGES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ScheduleLaunches:
    """What a schedule launches, as far as the caller may read it, each in order.

    `everything` holds its direct templates and then those of its pipelines, stage by stage.
    """

    templates: tuple[JobTemplate, ...] = ()
    pipelines: tuple[JobPipeline, ...] = ()
    everything: tuple[JobTemplate, ...] = ()


# -- checks -------------------------------------------------------------------------------------------------


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
    """Returns a new template of the caller, without an id yet. It is created here or with a schedule."""
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
    """Returns every problem that would prevent a job from it; `prefix` stands before each path (`jobTemplates[0].`)."""
    result = _config_problems(template.document.job_config, prefix)
    if template.stage is not None and not 0 <= template.stage <= _MOST_STAGES:
        allowed = f"0–{_MOST_STAGES}"
        result.append(Problem(f"{prefix}jobPipelineStage", f"{allowed}, got {template.stage}.", None, allowed))
    result += bounds.json(f"{prefix}jobConfig", template.document.job_config)
    if result:
        return result
    request = msgspec.structs.replace(job_request(template), spelling=SPELLING, prefix=prefix)
    if request.target is not None:
        result += targets.problems(request.target, f"{prefix}jobConfig.createTDOInput.")
    try:
        plan_all(house, principal, [request], ())
    except InvalidInput as refused:
        result += refused.problems
    return result


def _config_problems(config: dict[str, Any], prefix: str) -> list[Problem]:
    path = f"{prefix}jobConfig"
    result = list[Problem]()
    if not isinstance(config.get("createTDOOnLaunch", True), bool):
        result.append(Problem(f"{path}.createTDOOnLaunch", "true or false."))
    target = config.get("createTDOInput")
    if target is not None and not isinstance(target, dict):
        return [*result, Problem(f"{path}.createTDOInput", "must be an object.")]
    for name in ("name", "description", "status"):
        if not isinstance((target or {}).get(name, ""), str | None):
            result.append(Problem(f"{path}.createTDOInput.{name}", "must be a text."))
    if not isinstance((target or {}).get("isPublic", False), bool | None):
        result.append(Problem(f"{path}.createTDOInput.isPublic", "true or false."))
    return result


# -- read ---------------------------------------------------------------------------------------------------


async def get(house: House, principal: Principal, ref: Ref) -> JobTemplate:
    """Returns the template. Raises NotFound, also for a foreign one that is not in a public pipeline."""
    return await owned.get(house, KIND, principal, ref)


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> Mapping[int, JobTemplate]:
    """Returns those of the templates that the caller may read."""
    return await owned.readable(house, KIND, principal, ids)


async def list_(house: House, principal: Principal, criteria: TemplateFilter) -> list[JobTemplate]:
    """Returns one page of the organization's templates, the newest first. Raises InvalidInput for a wrong page."""

    async def read(tx: Tx, organization_id: int) -> list[JobTemplate]:
        return await storage.page(tx, organization_id, criteria)

    return await owned.page(house, principal, criteria.offset, criteria.limit, read)


async def launched(house: House, principal: Principal, schedule_ids: Iterable[int]) -> dict[int, ScheduleLaunches]:
    """Returns what each schedule launches, from one read. The caller must be allowed to read the schedules."""
    require(principal, Role.READER)
    ids = sorted(set(schedule_ids))

    async def read(tx: Tx) -> dict[int, ScheduleLaunches]:
        launches = await schedules.launches(tx, ids)
        pipeline_ids = {e.pipeline_id for each in launches.values() for e in each if e.pipeline_id is not None}
        lines = await job_pipelines.by_ids(tx, principal.organization_id, pipeline_ids)
        members = await job_pipelines.members(tx, lines)
        template_ids = {e.template_id for each in launches.values() for e in each if e.template_id is not None}
        template_ids |= {template_id for each in members.values() for template_id in each}
        known = await storage.readable(tx, principal.organization_id, template_ids)
        result = dict[int, ScheduleLaunches]()
        for schedule_id in ids:
            each = launches.get(schedule_id, [])
            own = [known[e.template_id] for e in each if e.template_id in known]
            of = [lines[e.pipeline_id] for e in each if e.pipeline_id in lines]
            inside = [known[t] for line in of for t in members.get(line.id, ()) if t in known]
            result[schedule_id] = ScheduleLaunches(tuple(own), tuple(of), (*own, *inside))
        return result

    return await house.database.read(read)


# -- change -------------------------------------------------------------------------------------------------


@trail.mutation("createJobTemplate", TEMPLATE)
async def create(
    house: House, principal: Principal, template: JobTemplate, *, known_problems: Sequence[Problem] = ()
) -> JobTemplate:
    """Creates the template in its pipeline. One with a stage and without a pipeline gets a new pipeline.

    A template without tasks gets them later by `task_templates.create`. Raises InvalidInput with all problems, also the
    entrance's `known_problems`, NotFound for a pipeline that is not the caller's.
    """
    require(principal, Role.USER)
    wrong = [*known_problems]
    if template.tasks or template.document.routes:
        wrong += problems(house, principal, template)
    bounds.refuse(wrong)

    async def make(tx: Tx) -> JobTemplate:
        [new] = await add(tx, principal, [template])
        return new

    return await owned.create(house, KIND, principal, "createJobTemplate", make)


async def add(tx: Tx, principal: Principal, templates: Sequence[JobTemplate], path: str = "") -> list[JobTemplate]:
    """Creates the templates in their pipelines. Raises NotFound, NotAllowed for a pipeline that is not the caller's."""
    places = {each.pipeline_id: n for n, each in reversed(list(enumerate(templates))) if each.pipeline_id is not None}
    for pipeline_id, place in sorted(places.items()):
        at = f"{path}[{place}].jobPipelineId" if path else "jobPipelineId"
        await owned.locked(tx, PIPELINE, principal, Ref(pipeline_id, pipeline_uuid(pipeline_id)), path=at)
    return await storage.add(tx, templates)


async def change(
    house: House,
    principal: Principal,
    event: str,
    ref: Ref,
    edit: Callable[[JobTemplate], JobTemplate],
    *,
    kind: OwnedKind[int, JobTemplate] = KIND,
    ordinal: int | None = None,
) -> JobTemplate:
    """Replaces the caller's template by the result of `edit`, if valid. Raises NotFound, NotAllowed, InvalidInput.

    `kind` is what the caller changes, the template or a task of it; `ordinal` is the task's ordinal.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, event, object_type=kind.type, object_id=ref.number)

    async def work(tx: Tx) -> JobTemplate:
        old = await owned.locked(tx, kind, principal, ref)
        new = edit(old)
        if not new.tasks:
            await _refuse_launched(tx, principal, old.id, "would be left without a task")
        if new.tasks or new.document.routes:
            bounds.refuse(problems(house, principal, new))
        await storage.update(tx, old, new)
        place = ordinal if ordinal is not None else _fresh(old, new)
        await entries.record(tx, [entry if place is None else entry.about(f"{old.id}/{place}")])
        return (await storage.by_ids(tx, principal.organization_id, [old.id]))[old.id]

    return await house.database.write(work)


def _fresh(old: JobTemplate, new: JobTemplate) -> int | None:
    """Returns the ordinal of an added task; None if no task was added."""
    return new.tasks[-1].ordinal if len(new.tasks) > len(old.tasks) else None


async def _refuse_launched(tx: Tx, principal: Principal, template_id: int, what: str) -> None:
    users = description.users(await storage.launched_by(tx, template_id), principal.organization_id)
    if users:
        raise InvalidInput(f'"{job_graphql(template_id)}" {what}: {users}. Change or delete those first.', "id")


@trail.mutation("updateJobTemplate", TEMPLATE, names="ref")
async def update(
    house: House,
    principal: Principal,
    ref: Ref,
    *,
    stage: int | None = None,
    job_config: dict[str, Any] | None = None,
    skip_decider: bool | None = None,
    routes: Sequence[RouteRequest] | None = None,
) -> JobTemplate:
    """Updates the given fields of the template. From this commit on schedules launch the new version.

    Raises NotFound, NotAllowed, InvalidInput with all problems.
    """

    def edit(old: JobTemplate) -> JobTemplate:
        document = old.document
        echo = document.echo if skip_decider is None else {**document.echo, "skipDecider": skip_decider}
        document = TemplateDocument(
            routes=document.routes if routes is None else tuple(routes),
            job_config=document.job_config if job_config is None else job_config,
            echo=echo,
        )
        return msgspec.structs.replace(old, document=document, stage=old.stage if stage is None else stage)

    return await change(house, principal, "updateJobTemplate", ref, edit)


@trail.mutation("deleteJobTemplate", TEMPLATE, names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the template; its jobs stay. Raises InvalidInput while a schedule launches it, NotFound."""

    async def remove(tx: Tx, template: JobTemplate) -> None:
        await _refuse_launched(tx, principal, template.id, "cannot be deleted")
        await storage.delete(tx, [template.id])

    await owned.change(house, KIND, principal, "deleteJobTemplate", ref, remove)
