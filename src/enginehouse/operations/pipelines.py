"""The operations on pipelines: list, get, store, delete. The standard ones belong to the server."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from enginehouse.domain.audit import Entry
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.domain.pipelines import STANDARD, Pipeline, nearest, problems
from enginehouse.domain.templates import JobTemplate, TemplateFilter
from enginehouse.operations import bounds, pipeline_engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import job_pipelines, templates
from enginehouse.storage import pipelines as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

PIPELINE: Final = "Pipeline"
MOST: Final = 100  # of one organization
LONGEST: Final = 262_144  # characters of a pipeline as JSON


class Startable(NamedTuple):
    """What a job can be started from, besides engines."""

    pipelines: list[Pipeline]
    templates: list[JobTemplate]
    job_pipelines: list[JobPipeline]


async def list_(house: House, principal: Principal) -> list[Pipeline]:
    """Returns the organization's pipelines and the standard ones that none of them replaces, by name."""
    require(principal, Role.READER)
    return await house.database.peek(lambda tx: readable(tx, principal.organization_id))


async def readable(tx: Tx, organization_id: int) -> list[Pipeline]:
    """Returns the organization's pipelines and the standard ones that none of them replaces, by name."""
    return _with_standard(await storage.all_(tx, organization_id))


async def startable(house: House, principal: Principal, *, limit: int) -> Startable:
    """Returns the pipelines, and the organization's newest job templates and job pipelines, from one read."""
    require(principal, Role.READER)
    owner = principal.organization_id

    async def read(tx: Tx) -> Startable:
        found = await templates.page(tx, owner, TemplateFilter(limit=limit))
        lines = await job_pipelines.page(tx, owner, schedule_id=None, is_public=None, offset=0, limit=limit)
        return Startable(await readable(tx, owner), found, lines)

    return await house.database.read(read)


async def get(house: House, principal: Principal, name: str, *, path: str = "") -> Pipeline:
    """Returns the pipeline. Raises NotFound, which names those that exist."""
    known = await list_(house, principal)
    for each in known:
        if each.name == name:
            return each
    names = [each.name for each in known]
    why = f"{nearest(name, names)} There are: {', '.join(names)}.".lstrip()
    raise NotFound(PIPELINE, trail.printable(name), path=path, why=why)


@trail.mutation("upsertPipeline", PIPELINE)
async def put(
    house: House, principal: Principal, pipeline: Pipeline, known_problems: list[Problem] | None = None
) -> Pipeline:
    """Stores the pipeline, in place of one with the same name. Raises InvalidInput with all problems.

    Engines are installed and removed at any time. So it is enough that each step has one now, or is optional.
    """
    require(principal, Role.USER)
    await _check(house, principal, pipeline, known_problems or [])
    entry = _entry(principal, "upsertPipeline", pipeline.name)

    async def store(tx: Tx) -> Pipeline:
        new = await storage.put(tx, principal.organization_id, pipeline)
        if len(await storage.all_(tx, principal.organization_id)) > MOST:
            raise InvalidInput(f"at most {MOST} pipelines of an organization; delete one first.", "name")
        await entries.record(tx, [entry])
        return new

    return await house.database.write(store)


@trail.mutation("deletePipeline", PIPELINE)
async def delete(house: House, principal: Principal, name: str) -> Pipeline:
    """Deletes the pipeline. Returns what it was. A standard one that it had replaced is there again.

    Raises NotFound, NotAllowed for a standard one.
    """
    require(principal, Role.USER)
    entry = _entry(principal, "deletePipeline", name)

    async def remove(tx: Tx) -> Pipeline | None:
        old = await storage.delete(tx, principal.organization_id, name) if bounds.storable(name) else None
        if old is not None:
            await entries.record(tx, [entry])
        return old

    removed = await house.database.write(remove)
    if removed is None:
        await get(house, principal, name)
        raise NotAllowed("This pipeline belongs to the server. Add another with its name to replace it.")
    return removed


def _entry(principal: Principal, event: str, name: str) -> Entry:
    return trail.entry(principal, event, object_type=PIPELINE, object_id=trail.printable(name))


async def _check(house: House, principal: Principal, pipeline: Pipeline, known: list[Problem]) -> None:
    found = [
        *problems(pipeline),
        *bounds.text("description", pipeline.description),
        *(fault for n, step in enumerate(pipeline.steps) for fault in bounds.json(f"steps[{n}].payload", step.payload)),
    ]
    bounds.refuse(found, known)
    size = len(bounds.json_text(pipeline))
    if size > LONGEST:
        raise InvalidInput(f"at most {LONGEST} characters of JSON, has {size}.", "steps")
    bounds.refuse(await pipeline_engines.missing(house, principal, pipeline))


def _with_standard(own: Iterable[Pipeline]) -> list[Pipeline]:
    known = {each.name: each for each in (*STANDARD, *own)}
    return sorted(known.values(), key=lambda each: each.name)
