"""The operations on job pipelines: get, list, create, update, delete."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import description
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.storage import job_pipelines as storage
from enginehouse.storage import templates as stored_templates
from enginehouse.storage.database.database import Tx

PIPELINE: Final = "JobPipeline"
KIND: Final = OwnedKind(PIPELINE, "pipeline", by_ids=storage.by_ids, lock=storage.lock)
_PATH: Final = "jobTemplateIds"


async def get(house: House, principal: Principal, ref: Ref) -> JobPipeline:
    """Returns the pipeline. Raises NotFound, also for a foreign one that is not public."""
    return await owned.get(house, KIND, principal, ref)


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> Mapping[int, JobPipeline]:
    """Returns those of the pipelines that the caller may read."""
    return await owned.readable(house, KIND, principal, ids)


async def list_(
    house: House,
    principal: Principal,
    *,
    schedule_id: int | None = None,
    is_public: bool | None = None,
    offset: int = 0,
    limit: int = 30,
) -> list[JobPipeline]:
    """Returns one page of the pipelines, the newest first. Raises InvalidInput for a page out of bounds."""

    async def read(tx: Tx, organization_id: int) -> list[JobPipeline]:
        return await storage.page(
            tx, organization_id, schedule_id=schedule_id, is_public=is_public, offset=offset, limit=limit
        )

    return await owned.page(house, principal, offset, limit, read)


async def templates(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, list[JobTemplate]]:
    """Returns the templates of each pipeline that the caller may read, stage by stage."""
    require(principal, Role.READER)
    pipeline_ids = sorted(set(ids))

    async def read(tx: Tx) -> dict[int, list[JobTemplate]]:
        pipelines = await storage.by_ids(tx, principal.organization_id, pipeline_ids)
        members = await storage.members(tx, pipelines)
        inside = [template_id for each in members.values() for template_id in each]
        known = await stored_templates.readable(tx, principal.organization_id, inside)
        return {
            pipeline_id: [known[template_id] for template_id in members.get(pipeline_id, ()) if template_id in known]
            for pipeline_id in pipelines
        }

    return await house.database.read(read)


@trail.mutation("createJobPipeline", PIPELINE)
async def create(
    house: House,
    principal: Principal,
    template_ids: Sequence[int],
    *,
    is_public: bool = False,
    known_problems: Sequence[Problem] = (),
) -> JobPipeline:
    """Creates the pipeline with these templates. A template without a stage gets its position as its stage.

    Raises InvalidInput for the entrance's `known_problems`, and for a template that does not exist or is in another
    pipeline.
    """

    async def make(tx: Tx) -> JobPipeline:
        members = await _members(tx, principal, template_ids, None, known_problems)
        new = await storage.add(tx, principal.organization_id, is_public=is_public)
        await storage.place(tx, [(each.id, new.id, _stage(each, n)) for n, each in enumerate(members, 1)])
        return new

    return await owned.create(house, KIND, principal, "createJobPipeline", make)


@trail.mutation("updateJobPipeline", PIPELINE, names="ref")
async def update(
    house: House,
    principal: Principal,
    ref: Ref,
    *,
    template_ids: Sequence[int] | None = None,
    is_public: bool | None = None,
    known_problems: Sequence[Problem] = (),
) -> JobPipeline:
    """Updates the pipeline. `template_ids` replace its templates, stage by stage in this order.

    From this commit on schedules launch the new content. Raises NotFound, NotAllowed, InvalidInput.
    """

    async def change(tx: Tx, old: JobPipeline) -> JobPipeline:
        bounds.refuse(list(known_problems))
        if template_ids is not None:
            members = await _members(tx, principal, template_ids, old.id, known_problems)
            before = (await storage.members(tx, [old.id])).get(old.id, [])
            gone = [template_id for template_id in before if template_id not in set(template_ids)]
            await storage.place(tx, [(template_id, None, None) for template_id in gone])
            await storage.place(tx, [(each.id, old.id, n) for n, each in enumerate(members, 1)])
        new = msgspec.structs.replace(old, is_public=old.is_public if is_public is None else is_public)
        await storage.update(tx, new)
        return new

    return await owned.change(house, KIND, principal, "updateJobPipeline", ref, change)


@trail.mutation("deleteJobPipeline", PIPELINE, names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the pipeline; its templates stay. Raises InvalidInput while a schedule launches it, NotFound."""

    async def remove(tx: Tx, pipeline: JobPipeline) -> None:
        users = description.users(await storage.launched_by(tx, pipeline.id), principal.organization_id)
        if users:
            text = f'"{pipeline_uuid(pipeline.id)}" cannot be deleted: {users}. Change or delete those first.'
            raise InvalidInput(text, "id")
        before = (await storage.members(tx, [pipeline.id])).get(pipeline.id, [])
        await storage.place(tx, [(template_id, None, None) for template_id in before])
        await storage.delete(tx, pipeline.id)

    await owned.change(house, KIND, principal, "deleteJobPipeline", ref, remove)


async def _members(
    tx: Tx, principal: Principal, ids: Sequence[int], pipeline_id: int | None, known_problems: Sequence[Problem]
) -> list[JobTemplate]:
    """Returns the caller's templates with these ids, locked. Raises InvalidInput with all problems."""
    known = await stored_templates.lock(tx, principal.organization_id, ids)
    wrong, first = list(known_problems), dict[int, int]()
    for place, template_id in enumerate(ids):
        path, spelling = f"{_PATH}[{place}]", job_graphql(template_id)
        if template_id not in known:
            wrong.append(Problem(path, f'there is no job template "{spelling}".', spelling))
        elif first.setdefault(template_id, place) != place:
            wrong.append(Problem(path, f'"{spelling}" is named twice.', spelling))
        elif (other := known[template_id].pipeline_id) not in (None, pipeline_id):
            text = (
                f'"{spelling}" is in the pipeline "{pipeline_uuid(other or 0)}" already; take it out of that one first.'
            )
            wrong.append(Problem(path, text, spelling))
    bounds.refuse(wrong)
    return [known[template_id] for template_id in ids]


def _stage(template: JobTemplate, place: int) -> int:
    return place if template.stage is None else template.stage
