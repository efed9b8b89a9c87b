"""What may be done with job pipelines: create, change, delete; look and list."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.pipelines import Pipeline
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.templates import own_pipeline, used_by
from enginehouse.storage import pipelines as storage
from enginehouse.storage import templates as stored_templates
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

PIPELINE: Final = "JobPipeline"
_PATH: Final = "jobTemplateIds"


async def get(house: House, principal: Principal, pipeline_id: int, shown: str = "") -> Pipeline:
    """The pipeline. Raises NotFound, for a foreign one that is not public too."""
    found = await get_many(house, principal, [pipeline_id])
    if pipeline_id not in found:
        raise NotFound(PIPELINE, shown or pipeline_id)
    return found[pipeline_id]


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, Pipeline]:
    """Those of the pipelines that the caller may read."""
    require(principal, Role.READER)
    wanted = sorted(set(ids))
    return await house.database.read(lambda tx: storage.by_ids(tx, principal.organization_id, wanted))


async def list_(
    house: House,
    principal: Principal,
    *,
    schedule_id: int | None = None,
    is_public: bool | None = None,
    offset: int = 0,
    limit: int = 30,
) -> list[Pipeline]:
    """One page of the pipelines, the newest first. Raises InvalidInput for a page out of bounds."""
    require(principal, Role.READER)
    bounds.page(offset, limit, largest=house.limits.page_size)
    return await house.database.read(
        lambda tx: storage.page(
            tx, principal.organization_id, schedule_id=schedule_id, is_public=is_public, offset=offset, limit=limit
        )
    )


async def templates(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, list[JobTemplate]]:
    """The templates of each of the pipelines, stage by stage, as far as the caller may read them."""
    require(principal, Role.READER)
    wanted = sorted(set(ids))

    async def read(tx: Tx) -> dict[int, list[JobTemplate]]:
        lines = await storage.by_ids(tx, principal.organization_id, wanted)
        members = await storage.members(tx, lines)
        inside = [template_id for each in members.values() for template_id in each]
        known = await stored_templates.readable(tx, principal.organization_id, inside)
        return {line: [known[t] for t in members.get(line, ()) if t in known] for line in lines}

    return await house.database.read(read)


@trail.mutation("createJobPipeline", PIPELINE)
async def create(
    house: House,
    principal: Principal,
    template_ids: Sequence[int],
    *,
    is_public: bool = False,
    found: Sequence[Problem] = (),
) -> Pipeline:
    """The pipeline exists with these templates in it, stage by stage in the order of the ids where they name none.

    Raises InvalidInput with all problems: a template that is not there, or in another pipeline.
    """
    require(principal, Role.USER)
    done = trail.entry(principal, "createJobPipeline", object_type=PIPELINE)

    async def make(tx: Tx) -> Pipeline:
        members = await _members(tx, principal, template_ids, None, found)
        made = await storage.add(tx, principal.organization_id, is_public=is_public)
        await storage.place(tx, [(each.id, made.id, _stage(each, n)) for n, each in enumerate(members, 1)])
        await entries.record(tx, [done.about(made.id)])
        return made

    return await house.database.write(make)


@trail.mutation("updateJobPipeline", PIPELINE, names="pipeline_id")
async def update(
    house: House,
    principal: Principal,
    pipeline_id: int,
    *,
    shown: str = "",
    template_ids: Sequence[int] | None = None,
    is_public: bool | None = None,
    found: Sequence[Problem] = (),
) -> Pipeline:
    """The pipeline holds exactly these templates, where they are given, stage by stage in this order.

    Schedules that launch it launch what is in it from this commit on. Raises NotFound, NotAllowed, InvalidInput.
    """
    require(principal, Role.USER)
    done = trail.entry(principal, "updateJobPipeline", object_type=PIPELINE, object_id=pipeline_id)

    async def change(tx: Tx) -> Pipeline:
        old = await own_pipeline(tx, principal, pipeline_id, shown)
        bounds.refuse(list(found))
        if template_ids is not None:
            members = await _members(tx, principal, template_ids, pipeline_id, found)
            before = (await storage.members(tx, [pipeline_id])).get(pipeline_id, [])
            gone = [template_id for template_id in before if template_id not in set(template_ids)]
            await storage.place(tx, [(template_id, None, None) for template_id in gone])
            await storage.place(tx, [(each.id, pipeline_id, n) for n, each in enumerate(members, 1)])
        new = msgspec.structs.replace(old, is_public=old.is_public if is_public is None else is_public)
        await storage.update(tx, new)
        await entries.record(tx, [done])
        return new

    return await house.database.write(change)


@trail.mutation("deleteJobPipeline", PIPELINE, names="pipeline_id")
async def delete(house: House, principal: Principal, pipeline_id: int, shown: str = "") -> None:
    """The pipeline is gone; its templates stay, in none. Raises InvalidInput while a schedule launches it, NotFound."""
    require(principal, Role.USER)
    done = trail.entry(principal, "deleteJobPipeline", object_type=PIPELINE, object_id=pipeline_id)

    async def remove(tx: Tx) -> None:
        await own_pipeline(tx, principal, pipeline_id, shown)
        used = used_by(await storage.launched_by(tx, pipeline_id), principal)
        if used:
            text = f'"{pipeline_uuid(pipeline_id)}" cannot be deleted: {used}. Change or delete those first.'
            raise InvalidInput(text, "id")
        before = (await storage.members(tx, [pipeline_id])).get(pipeline_id, [])
        await storage.place(tx, [(template_id, None, None) for template_id in before])
        await storage.delete(tx, pipeline_id)
        await entries.record(tx, [done])

    await house.database.write(remove)


async def _members(
    tx: Tx, principal: Principal, ids: Sequence[int], pipeline_id: int | None, found: Sequence[Problem]
) -> list[JobTemplate]:
    """The caller's templates with these ids, locked. Raises InvalidInput with `found` and what is wrong besides."""
    known = await stored_templates.lock(tx, principal.organization_id, ids)
    problems, first = list(found), dict[int, int]()
    for place, template_id in enumerate(ids):
        path, shown = f"{_PATH}[{place}]", job_graphql(template_id)
        if template_id not in known:
            problems.append(Problem(path, f'there is no job template "{shown}".', shown))
        elif first.setdefault(template_id, place) != place:
            problems.append(Problem(path, f'"{shown}" is named twice.', shown))
        elif (other := known[template_id].pipeline_id) not in (None, pipeline_id):
            text = f'"{shown}" is in the pipeline "{pipeline_uuid(other or 0)}" already; take it out of that one first.'
            problems.append(Problem(path, text, shown))
    bounds.refuse(problems)
    return [known[template_id] for template_id in ids]


def _stage(template: JobTemplate, place: int) -> int:
    return place if template.stage is None else template.stage
