"""What may be done with scheduled jobs: create, change, pause, put back, copy, delete; look, list, foresee."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.schedules import changes
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.request import ScheduleRequest, read
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.sources import Source
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.schedules import launchables
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.storage import content_templates, sources
from enginehouse.storage.audit import entries
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import pages
from enginehouse.storage.schedules import schedules as storage

SCHEDULE: Final = "ScheduledJob"
_REPLACED: Final = "changed"  # why a slot that waited for a run is not waited for any longer


@trail.mutation("createScheduledJob", SCHEDULE)
async def create(
    house: House,
    principal: Principal,
    request: ScheduleRequest,
    launched: LaunchSelection,
    *,
    found: Sequence[Problem] = (),
) -> Schedule:
    """The schedule exists, with the templates made for it; what it does, it does from this commit on.

    Raises InvalidInput with all problems (`found` are those the entrance met), CapacityExceeded, NotAllowed.
    """
    require(principal, Role.USER)
    problems = [*found, *_texts(request, required=True)]
    done = trail.entry(principal, "createScheduledJob", object_type=SCHEDULE)

    async def make(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        ids, missing = await launchables.named(tx, principal, launched, ())
        source = await launchables.primary_source(tx, principal, launched.fresh, ids)
        asked = changes.with_source(request, source)
        wanted, wrong = read(
            asked, changes.default_settings(asked, source), now=now, default_zone=changes.default_zone(source)
        )
        bounds.refuse([*problems, *wrong, *missing])
        await _room(tx, house, principal)
        blank = changes.blank(principal, await sequences.reserve(tx, "schedule"), now)
        made = changes.apply(blank, asked, wanted, now, fresh=True)
        await storage.insert(tx, [made])
        await storage.set_launches(tx, made.id, await launchables.with_fresh(tx, principal, launched, ids))
        await content_templates.add(tx, made.organization_id, made.id, launched.content or ())
        await entries.record(tx, [done.about(made.id)])
        return made

    made = await house.database.write(make)
    house.listeners.scheduled()
    return made


@trail.mutation("updateScheduledJob", SCHEDULE, names="schedule_id")
async def update(
    house: House,
    principal: Principal,
    schedule_id: int,
    request: ScheduleRequest,
    launched: LaunchSelection | None = None,
    *,
    shown: str = "",
    found: Sequence[Problem] = (),
) -> Schedule:
    """The schedule is changed; slots from this commit on are those of the new one, none before it is caught up.

    Raises NotFound, NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    problems = [*found, *_texts(request, required=False)]
    done = trail.entry(principal, "updateScheduledJob", object_type=SCHEDULE, object_id=schedule_id)

    async def change(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        missing, asked = list[Problem](), request
        source = await _source(tx, old)
        if launched is not None:
            had = (await storage.launches(tx, [old.id])).get(old.id, [])
            ids, missing = await launchables.named(tx, principal, launched, had)
            source = await launchables.primary_source(tx, principal, launched.fresh, ids)
            asked = changes.with_source(request, source)
        wanted, wrong = read(asked, changes.settings_of(old), now=now, default_zone=changes.default_zone(source))
        bounds.refuse([*problems, *wrong, *missing])
        new = changes.apply(old, asked, wanted, now, fresh=False)
        await storage.update(tx, old, new)
        if launched is not None:
            await storage.set_launches(tx, old.id, await launchables.with_fresh(tx, principal, launched, ids))
            if launched.content is not None:
                await content_templates.replace(tx, old.organization_id, old.id, launched.content)
        if new.next_at is None or new.timing != old.timing:
            await storage.drop_queued(tx, old.id, _REPLACED)
        await entries.record(tx, [done])
        return new

    new = await house.database.write(change)
    house.listeners.scheduled()
    return new


@trail.mutation("revertScheduledJob", SCHEDULE, names="schedule_id")
async def revert(house: House, principal: Principal, schedule_id: int, shown: str = "") -> Schedule:
    """The schedule is what it was before its last change. Raises NotFound, InvalidInput when it never changed."""
    require(principal, Role.USER)
    done = trail.entry(principal, "revertScheduledJob", object_type=SCHEDULE, object_id=schedule_id)

    async def put_back(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        before = await storage.last_version(tx, old.id)
        if before is None:
            raise InvalidInput("has not been changed since it was created.", "id")
        restored = msgspec.structs.replace(before, version=old.version, fired=old.fired, skipped=old.skipped)
        new = changes.restart(restored, now, fresh=restored.timing != old.timing or not old.is_active)
        await storage.update(tx, old, new)
        await storage.forget_version(tx, old.id, before.version)
        await entries.record(tx, [done])
        return new

    new = await house.database.write(put_back)
    house.listeners.scheduled()
    return new


@trail.mutation("cloneScheduledJob", SCHEDULE, names="schedule_id")
async def clone(house: House, principal: Principal, schedule_id: int, shown: str = "") -> Schedule:
    """An inactive copy of the schedule exists in the caller's organization, launching the same. Raises NotFound.

    A copy that fired at once beside its original would be a surprise: activate it when it is what it is to be.
    """
    require(principal, Role.USER)
    done = trail.entry(principal, "cloneScheduledJob", object_type=SCHEDULE, detail=f"of {schedule_id}")

    async def copy(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = (await storage.by_ids(tx, principal.organization_id, [schedule_id])).get(schedule_id)
        if old is None or old.organization_id != principal.organization_id:
            raise NotFound(SCHEDULE, shown or schedule_id)
        await _room(tx, house, principal)
        made = msgspec.structs.replace(
            old, id=await sequences.reserve(tx, "schedule"), is_active=False, next_at=None, launched=0, version=1,
            created_by=principal.user_id, created_at=now, modified_at=now, fired=0, skipped=0,
        )  # fmt: skip
        await storage.insert(tx, [made])
        await storage.set_launches(tx, made.id, (await storage.launches(tx, [old.id])).get(old.id, []))
        content = (await content_templates.of_schedules(tx, old.organization_id, [old.id])).get(old.id, [])
        await content_templates.add(tx, made.organization_id, made.id, content)
        await entries.record(tx, [done.about(made.id)])
        return made

    return await house.database.write(copy)


@trail.mutation("deleteScheduledJob", SCHEDULE, names="schedule_id")
async def delete(house: House, principal: Principal, schedule_id: int, shown: str = "") -> None:
    """The schedule is gone and fires no more; its jobs stay. Raises NotFound, NotAllowed."""
    require(principal, Role.USER)
    done = trail.entry(principal, "deleteScheduledJob", object_type=SCHEDULE, object_id=schedule_id)

    async def remove(tx: Tx) -> None:
        await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        await storage.delete(tx, [old.id])
        await entries.record(tx, [done])

    await house.database.write(remove)


async def get(house: House, principal: Principal, schedule_id: int, shown: str = "") -> Schedule:
    """The schedule. Raises NotFound, for a foreign one that is not public too."""
    found = await get_many(house, principal, [schedule_id])
    if schedule_id not in found:
        raise NotFound(SCHEDULE, shown or schedule_id)
    return found[schedule_id]


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> dict[int, Schedule]:
    """Those of the schedules that the caller may read."""
    require(principal, Role.READER)
    wanted = sorted(set(ids))
    return await house.database.peek(lambda tx: storage.by_ids(tx, principal.organization_id, wanted))


async def list_(
    house: House, principal: Principal, wanted: ScheduleFilter, *, with_count: bool = False
) -> tuple[list[Schedule], int | None]:
    """One page of the schedules the caller may read; how many pass on all pages, where that is asked for."""
    require(principal, Role.READER)
    bounds.page(wanted.offset, wanted.limit, largest=house.limits.page_size)
    return await house.database.read(
        lambda tx: pages.page(tx, principal.organization_id, wanted, with_count=with_count)
    )


async def now(house: House) -> int:
    """What time it is where schedules fire: storage's clock."""
    return await house.database.peek(lambda tx: tx.read_clock())


# -- how it is put together -----------------------------------------------------------------------------------


def _texts(request: ScheduleRequest, *, required: bool) -> list[Problem]:
    problems = list[Problem]()
    if required or request.name is not UNSET:
        name = None if request.name is UNSET else request.name
        problems += bounds.text("name", name, longest=bounds.LONGEST_NAME, required=True)
    if request.description is not UNSET:
        problems += bounds.text("description", request.description)
    return problems + bounds.json("details", request.document)


async def _locked(tx: Tx, principal: Principal, schedule_id: int, shown: str) -> Schedule:
    """The caller's own schedule, locked. A public one of another organization may be read, not changed."""
    found = await storage.lock(tx, principal.organization_id, schedule_id)
    if found is None:
        if schedule_id in await storage.by_ids(tx, principal.organization_id, [schedule_id]):
            raise NotAllowed("This scheduled job belongs to another organization; it can be read, not changed.")
        raise NotFound(SCHEDULE, shown or schedule_id)
    return found


async def _source(tx: Tx, schedule: Schedule) -> Source | None:
    if schedule.source_id is None:
        return None
    return (await sources.by_ids(tx, schedule.organization_id, [schedule.source_id])).get(schedule.source_id)


async def _room(tx: Tx, house: House, principal: Principal) -> None:
    if await storage.count(tx, principal.organization_id) >= house.limits.schedules:
        raise CapacityExceeded(f"Organization limit of {house.limits.schedules} schedules reached.")
