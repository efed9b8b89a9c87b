"""The slots of schedules: the next ones with warnings, and the past ones with their outcomes."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import changes, description
from enginehouse.domain.schedules.month import Day, month
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
from enginehouse.storage.schedules import schedules as storage

UNSAVED: Final = 0  # the id of a schedule that is only previewed


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePreview:
    """A sentence about what a schedule does, one about what comes next, its warnings, and its next slots."""

    sentence: str
    next: str
    warnings: list[str]
    slots: list[UpcomingSlot]


async def warnings(house: House, schedules: Iterable[Schedule]) -> dict[int, list[str]]:
    """Returns the warnings of each schedule, also about its run times. The caller must be allowed to read them."""
    all_ = list(schedules)

    async def look(tx: Tx) -> tuple[int, dict[int, int]]:
        now = await tx.read_clock()
        return now, await jobs.usual_runs(tx, [each.id for each in all_])

    now, usual = await house.database.read(look)
    result = dict[int, list[str]]()
    for each in all_:
        result[each.id] = _odd(each, now, usual.get(each.id))
        await asyncio.sleep(0)  # each schedule computes more than a year of slots, so other tasks run in between
    return result


async def preview(
    house: House, principal: Principal, ref: Ref, *, count: int = 10, zone: str | None = None
) -> SchedulePreview:
    """Returns what the schedule will do, for a reader in `zone`. Raises NotFound, InvalidInput."""
    _check_zone(zone)
    schedule = await get(house, principal, ref)

    async def look(tx: Tx) -> tuple[int, int | None]:
        now = await tx.read_clock()
        return now, (await jobs.usual_runs(tx, [schedule.id])).get(schedule.id)

    now, usual = await house.database.read(look)
    return await previewed(schedule, count=count, now=now, usual=usual, zone=zone)


async def previewed(
    schedule: Schedule, *, count: int, now: int, usual: int | None, zone: str | None = None
) -> SchedulePreview:
    """Returns what a schedule that was read will do. `usual` is how long its runs take (µs)."""
    return await asyncio.to_thread(_preview, schedule, now, count, zone, usual)  # many slots take long


async def preview_request(
    house: House,
    principal: Principal,
    request: ScheduleRequest,
    *,
    count: int = 10,
    zone: str | None = None,
    known_problems: Sequence[Problem] = (),
) -> SchedulePreview:
    """Returns what a schedule would do if it were created now. Raises InvalidInput with all problems."""
    require(principal, Role.READER)
    _check_zone(zone)
    now = await house.database.read(lambda tx: tx.read_clock())
    settings, wrong = read(request, ScheduleSettings(), now=now)
    bounds.refuse([*known_problems, *wrong])
    schedule = changes.apply(changes.blank(principal, UNSAVED, now), request, settings, now, fresh=True)
    return await asyncio.to_thread(_preview, schedule, now, count, zone, None)


async def in_month(schedule: Schedule, year: int, number: int, now: int) -> list[list[Day]]:
    """Returns the weeks of a month with the coming slots of a schedule that the caller has read."""
    return await asyncio.to_thread(month, schedule, year, number, now=now)


def explanation(schedule: Schedule, now: int, zone: str | None = None) -> str:
    """Says what the schedule does and what comes next, for a reader in `zone`. Raises InvalidInput for a wrong zone."""
    _check_zone(zone)
    return f"{sentence(schedule)} {_outlook(schedule, upcoming(schedule, count=1, now=now), now, zone)}"


def sentence(schedule: Schedule) -> str:
    """Says what the schedule does."""
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
    """Returns the slots before `before`, the latest first, with the jobs of each. Raises NotFound, InvalidInput.

    For a public schedule of another organization the jobs are left out.
    """
    bounds.page(0, limit, largest=house.limits.page_size)
    schedule = await get(house, principal, ref)

    owner = principal.organization_id
    return await house.database.read(lambda tx: read_history(tx, owner, schedule.id, before=before, limit=limit))


async def read_history(
    tx: Tx, organization_id: int, schedule_id: int, *, before: int = LATEST, limit: int
) -> list[tuple[SlotRecord, list[int]]]:
    """Returns the same in this transaction, for a schedule that the organization may read."""
    records = await storage.slots(tx, schedule_id, before=before, limit=limit)
    started = await jobs.of_slots(tx, organization_id, schedule_id, records)
    return [(each, started.get(each.slot, [])) for each in records]
