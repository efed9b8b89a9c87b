"""The slots of schedules: the next ones with their warnings, and the past ones with what became of them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import changes, description
from enginehouse.domain.schedules.preview import UpcomingSlot, upcoming
from enginehouse.domain.schedules.request import ScheduleRequest, ScheduleSettings, read
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.domain.schedules.zones import UnknownZone, zone_of
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.schedules.schedules import get
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import jobs
from enginehouse.storage.schedules import jobs as schedule_jobs
from enginehouse.storage.schedules import schedules as storage

UNSAVED: Final = 0  # the id of a schedule that is only thought of


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePreview:
    """What a schedule does in one sentence, what comes next in another, what is odd about it, and its next slots."""

    sentence: str
    next: str
    warnings: list[str]
    slots: list[UpcomingSlot]


async def warnings(house: House, schedules: Iterable[Schedule]) -> dict[int, list[str]]:
    """What is odd about each of the schedules, which the caller may read, also by how long their runs have taken."""
    all_ = list(schedules)

    async def look(tx: Tx) -> tuple[int, dict[int, int]]:
        now = await tx.read_clock()
        return now, await jobs.usual_runs(tx, [each.id for each in all_])

    now, usual = await house.database.read(look)
    result = dict[int, list[str]]()
    for each in all_:
        result[each.id] = _odd(each, now, usual.get(each.id))
        await asyncio.sleep(0)  # more than a year of slots is looked at: others get their turn between two schedules
    return result


async def preview(
    house: House, principal: Principal, ref: Ref, *, count: int = 10, zone: str | None = None
) -> SchedulePreview:
    """What the schedule will do, as somebody reads it in `zone`. Raises NotFound, InvalidInput."""
    _check_zone(zone)
    schedule = await get(house, principal, ref)

    async def look(tx: Tx) -> tuple[int, int | None]:
        now = await tx.read_clock()
        return now, (await jobs.usual_runs(tx, [schedule.id])).get(schedule.id)

    now, usual = await house.database.read(look)
    return _preview(schedule, now, count, zone, usual)


async def preview_request(
    house: House,
    principal: Principal,
    request: ScheduleRequest,
    *,
    count: int = 10,
    zone: str | None = None,
    known_problems: Sequence[Problem] = (),
) -> SchedulePreview:
    """What a schedule would do that is not there, were it created now. Raises InvalidInput with all problems."""
    require(principal, Role.READER)
    _check_zone(zone)
    now = await house.database.read(lambda tx: tx.read_clock())
    settings, wrong = read(request, ScheduleSettings(), now=now)
    bounds.refuse([*known_problems, *wrong])
    schedule = changes.apply(changes.blank(principal, UNSAVED, now), request, settings, now, fresh=True)
    return _preview(schedule, now, count, zone, None)


def explanation(schedule: Schedule, now: int, zone: str | None = None) -> str:
    """What the schedule does and what is to come, as somebody reads it in `zone`. Raises InvalidInput for no zone."""
    _check_zone(zone)
    return f"{sentence(schedule)} {_outlook(schedule, upcoming(schedule, count=1, now=now), now, zone)}"


def sentence(schedule: Schedule) -> str:
    """What the schedule does."""
    return description.sentence(
        schedule.run_mode,
        schedule.timing,
        active=schedule.is_active,
        start=schedule.start_at,
        stop=schedule.stop_at,
    )


def _preview(schedule: Schedule, now: int, count: int, zone: str | None, usual: int | None) -> SchedulePreview:
    coming = upcoming(schedule, count=count, now=now)
    return SchedulePreview(
        sentence=sentence(schedule),
        next=_outlook(schedule, coming, now, zone),
        warnings=_odd(schedule, now, usual),
        slots=coming,
    )


def _outlook(schedule: Schedule, coming: Sequence[UpcomingSlot], now: int, zone: str | None) -> str:
    first = coming[0].due_at if coming else None
    if first is None and schedule.start_at is not None and schedule.start_at > now:
        first = schedule.start_at
    own = schedule.timing.zone
    return description.outlook(
        schedule.run_mode, first, own, zone or own, now, active=schedule.is_active, begun=schedule.launched > 0
    )


def _odd(schedule: Schedule, now: int, usual: int | None) -> list[str]:
    return description.lint(
        schedule.timing, schedule.rules, schedule.run_mode,
        anchor=schedule.anchor, now=now, stop=schedule.stop_at, usual_run=usual,
    )  # fmt: skip


def _check_zone(zone: str | None) -> None:
    try:
        if zone is not None:
            zone_of(zone)
    except UnknownZone as unknown:
        raise InvalidInput([Problem("timeZone", str(unknown), zone)]) from None


LATEST: Final = (1 << 63) - 1  # no slot is later


async def history(
    house: House, principal: Principal, ref: Ref, *, before: int = LATEST, limit: int = 100
) -> list[tuple[SlotRecord, list[int]]]:
    """What became of the slots before a moment, the latest first, and the jobs of each. Raises NotFound, InvalidInput.

    The jobs of a public schedule of another organization are that organization's alone.
    """
    bounds.page(0, limit, largest=house.limits.page_size)
    schedule = await get(house, principal, ref)

    async def look(tx: Tx) -> list[tuple[SlotRecord, list[int]]]:
        records = await storage.slots(tx, schedule.id, before=before, limit=limit)
        jobs = await schedule_jobs.of_slots(tx, principal.organization_id, schedule.id, records)
        return [(each, jobs.get(each.slot, [])) for each in records]

    return await house.database.read(look)
