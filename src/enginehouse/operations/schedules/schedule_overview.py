"""What a person wants to see of schedules at once: a list with their last jobs, and one with its slots and contents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enginehouse.domain.identity import Principal
from enginehouse.domain.pipelines import Pipeline
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.operations import owned, pipelines
from enginehouse.operations.house import House
from enginehouse.operations.schedules import slots
from enginehouse.operations.schedules.schedules import KIND
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import jobs, pages, schedules
from enginehouse.storage.schedules.jobs import LastJob
from enginehouse.storage.schedules.schedules import ScheduleContentRow


@dataclass(frozen=True, slots=True)
class ScheduleContents:
    """What a schedule launches, as far as the caller may read it: the ids of its templates and pipelines, in order.

    `engines` are those of each template, the direct ones and then those of the pipelines, stage by stage.
    """

    templates: tuple[int, ...]
    pipelines: tuple[int, ...]
    engines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOverview:
    """A schedule at the moment `now` (µs): its contents, how long its runs take, its newest job and its past slots."""

    schedule: Schedule
    contents: ScheduleContents
    usual_run: int | None
    last_job: LastJob | None
    past: Sequence[tuple[SlotRecord, list[int]]]
    now: int


async def page(
    house: House, principal: Principal, criteria: ScheduleFilter
) -> tuple[list[Schedule], int, Mapping[int, LastJob]]:
    """Returns a page of the schedules that the caller may read, how many there are, and their newest jobs.

    The jobs are those of the caller's organization, by schedule, also of a launch by hand. Raises InvalidInput.
    """

    async def read(tx: Tx, owner: int) -> tuple[list[Schedule], int, Mapping[int, LastJob]]:
        found, count = await pages.page(tx, owner, criteria, with_count=True)
        return found, count or 0, await jobs.last(tx, owner, [each.id for each in found])

    return await owned.page(house, principal, criteria.offset, criteria.limit, read)


async def of_schedule(house: House, principal: Principal, ref: Ref, *, limit: int) -> ScheduleOverview:
    """Returns the schedule with up to `limit` past slots, from one read. Raises NotFound."""
    owner = principal.organization_id

    async def read(tx: Tx) -> ScheduleOverview:
        now, schedule = await tx.read_clock(), await owned.read(tx, KIND, principal, ref)
        usual, last = await jobs.runs(tx, owner, schedule.id)
        return ScheduleOverview(
            schedule=schedule,
            contents=_contents(await schedules.contents(tx, owner, schedule.id)),
            usual_run=usual,
            last_job=last,
            past=await slots.read_history(tx, owner, schedule.id, limit=limit),
            now=now,
        )

    return await house.database.read(read)


async def to_edit(house: House, principal: Principal, ref: Ref) -> tuple[Schedule, ScheduleContents, list[Pipeline]]:
    """Returns the schedule with what it launches, and the pipelines to choose from, from one read. Raises NotFound."""
    owner = principal.organization_id

    async def read(tx: Tx) -> tuple[Schedule, ScheduleContents, list[Pipeline]]:
        schedule = await owned.read(tx, KIND, principal, ref)
        contents = _contents(await schedules.contents(tx, owner, schedule.id))
        return schedule, contents, await pipelines.readable(tx, owner)

    return await house.database.read(read)


def _contents(rows: Sequence[ScheduleContentRow]) -> ScheduleContents:
    engines = dict[tuple[int, int], list[str]]()
    for row in rows:
        if row.template_id is not None:
            of_template = engines.setdefault((row.pipeline_id, row.template_id), [])
            of_template += [] if row.engine_id is None else [row.engine_id]
    return ScheduleContents(
        templates=tuple(template_id for pipeline_id, template_id in engines if pipeline_id < 0),
        pipelines=tuple(dict.fromkeys(row.pipeline_id for row in rows if row.pipeline_id >= 0)),
        engines=tuple(map(tuple, engines.values())),
    )
