"""The operations on scheduled jobs: create, update, revert, clone, delete, get, list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules import changes
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.request import ScheduleRequest, read
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.sources import Source
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.operations.references import Reference
from enginehouse.operations.references import unknown as unknown_references
from enginehouse.operations.schedules import launchables
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.storage import content_templates, sources
from enginehouse.storage.audit import entries
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Tx
from enginehouse.storage.schedules import pages
from enginehouse.storage.schedules import schedules as storage

SCHEDULE: Final = "ScheduledJob"
KIND: Final = OwnedKind(SCHEDULE, "scheduled job", by_ids=storage.by_ids, lock=storage.lock)
_REPLACED: Final = "changed"  # the reason of queued slots that are skipped


@trail.mutation("createScheduledJob", SCHEDULE)
async def create(
    house: House,
    principal: Principal,
    request: ScheduleRequest,
    selection: LaunchSelection,
    *,
    known_problems: Sequence[Problem] = (),
    references: Sequence[Reference] = (),
) -> Schedule:
    """Creates the schedule, with its new templates. It fires from this commit on.

    Raises InvalidInput with all problems, including the entrance's `known_problems` and unknown `references`,
    CapacityExceeded, NotAllowed.
    """
    require(principal, Role.USER)
    unknown = await unknown_references(house, principal, references)
    problems = [*known_problems, *_texts(request, required=True), *unknown]

    async def make(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        launches, missing = await launchables.by_id(tx, principal, selection, ())
        missing += await launchables.unknown_source(tx, principal, request)
        source = await launchables.primary_source(tx, principal, selection.fresh, launches)
        whole = changes.with_source(request, source)
        zone = changes.default_zone(source)
        settings, wrong = read(whole, changes.default_settings(whole, source), now=now, default_zone=zone)
        bounds.refuse([*problems, *wrong, *missing])
        await _refuse_too_many(tx, house, principal)
        blank = changes.blank(principal, await sequences.reserve(tx, "schedule"), now)
        new = changes.apply(blank, whole, settings, now, fresh=True)
        await storage.insert(tx, [new])
        await storage.set_launches(tx, new.id, await launchables.with_fresh(tx, principal, selection, launches))
        await content_templates.add(tx, new.organization_id, new.id, selection.content or ())
        return new

    schedule = await owned.create(house, KIND, principal, "createScheduledJob", make)
    house.listeners.scheduled()
    return schedule


@trail.mutation("updateScheduledJob", SCHEDULE, names="ref")
async def update(
    house: House,
    principal: Principal,
    ref: Ref,
    request: ScheduleRequest,
    selection: LaunchSelection | None = None,
    *,
    known_problems: Sequence[Problem] = (),
    references: Sequence[Reference] = (),
) -> Schedule:
    """Updates the schedule. If its times change, only slots after this commit fire, and no earlier one is caught up.

    Raises NotFound, NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    unknown = await unknown_references(house, principal, references)
    problems = [*known_problems, *_texts(request, required=False), *unknown]
    entry = trail.entry(principal, "updateScheduledJob", object_type=SCHEDULE, object_id=ref.number)

    async def change(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await owned.locked(tx, KIND, principal, ref)
        missing, whole = await launchables.unknown_source(tx, principal, request), request
        source = await _source(tx, old)
        if selection is not None:
            before = (await storage.launches(tx, [old.id])).get(old.id, [])
            launches, unknown_launches = await launchables.by_id(tx, principal, selection, before)
            missing += unknown_launches
            source = await launchables.primary_source(tx, principal, selection.fresh, launches)
            whole = changes.with_source(request, source)
        settings, wrong = read(whole, changes.settings_of(old), now=now, default_zone=changes.default_zone(source))
        bounds.refuse([*problems, *wrong, *missing])
        new = changes.apply(old, whole, settings, now, fresh=False)
        await storage.update(tx, old, new)
        if selection is not None:
            await storage.set_launches(tx, old.id, await launchables.with_fresh(tx, principal, selection, launches))
            if selection.content is not None:
                await content_templates.replace(tx, old.organization_id, old.id, selection.content)
        if new.next_at is None or new.timing != old.timing:
            await storage.drop_queued(tx, old.id, _REPLACED)
        await entries.record(tx, [entry])
        return new

    schedule = await house.database.write(change)
    house.listeners.scheduled()
    return schedule


@trail.mutation("revertScheduledJob", SCHEDULE, names="ref")
async def revert(house: House, principal: Principal, ref: Ref) -> Schedule:
    """Restores the schedule before its last change. Raises NotFound, InvalidInput if it never changed."""
    require(principal, Role.USER)
    entry = trail.entry(principal, "revertScheduledJob", object_type=SCHEDULE, object_id=ref.number)

    async def put_back(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await owned.locked(tx, KIND, principal, ref)
        before = await storage.last_version(tx, old.id)
        if before is None:
            raise InvalidInput("has not been changed since it was created.", "id")
        restored = msgspec.structs.replace(before, version=old.version, fired=old.fired, skipped=old.skipped)
        new = changes.restart(restored, now, fresh=restored.timing != old.timing or not old.is_active)
        await storage.update(tx, old, new)
        await storage.forget_version(tx, old.id, before.version)
        await entries.record(tx, [entry])
        return new

    schedule = await house.database.write(put_back)
    house.listeners.scheduled()
    return schedule


@trail.mutation("cloneScheduledJob", SCHEDULE, names="ref")
async def clone(house: House, principal: Principal, ref: Ref) -> Schedule:
    """Creates an inactive copy of the schedule that launches the same. Raises NotFound.

    The copy is inactive, so that it does not fire beside its original before the caller has changed it.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "cloneScheduledJob", object_type=SCHEDULE, detail=f"of {ref.number}")

    async def copy(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = (await storage.by_ids(tx, principal.organization_id, [ref.number])).get(ref.number)
        if old is None or old.organization_id != principal.organization_id:
            raise NotFound(SCHEDULE, ref.text)
        await _refuse_too_many(tx, house, principal)
        new = msgspec.structs.replace(
            old, id=await sequences.reserve(tx, "schedule"), is_active=False, next_at=None, launched=0, version=1,
            created_by=principal.user_id, created_at=now, modified_at=now, fired=0, skipped=0,
        )  # fmt: skip
        await storage.insert(tx, [new])
        await storage.set_launches(tx, new.id, (await storage.launches(tx, [old.id])).get(old.id, []))
        content = (await content_templates.of_schedules(tx, old.organization_id, [old.id])).get(old.id, [])
        await content_templates.add(tx, new.organization_id, new.id, content)
        await entries.record(tx, [entry.about(new.id)])
        return new

    return await house.database.write(copy)


@trail.mutation("deleteScheduledJob", SCHEDULE, names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the schedule; its jobs stay. Raises NotFound, NotAllowed."""
    require(principal, Role.USER)
    entry = trail.entry(principal, "deleteScheduledJob", object_type=SCHEDULE, object_id=ref.number)

    async def remove(tx: Tx) -> None:
        await tx.read_clock()
        old = await owned.locked(tx, KIND, principal, ref)
        await storage.delete(tx, [old.id])
        await entries.record(tx, [entry])

    await house.database.write(remove)


async def get(house: House, principal: Principal, ref: Ref) -> Schedule:
    """Returns the schedule. Raises NotFound, also for a foreign one that is not public."""
    return await owned.get(house, KIND, principal, ref)


async def get_many(house: House, principal: Principal, ids: Iterable[int]) -> Mapping[int, Schedule]:
    """Returns those of the schedules that the caller may read."""
    return await owned.readable(house, KIND, principal, ids)


async def list_(
    house: House, principal: Principal, criteria: ScheduleFilter, *, with_count: bool = False
) -> tuple[list[Schedule], int | None]:
    """Returns one page of the schedules that the caller may read; `with_count` also how many pass on all pages."""

    async def read_page(tx: Tx, organization_id: int) -> tuple[list[Schedule], int | None]:
        return await pages.page(tx, organization_id, criteria, with_count=with_count)

    return await owned.page(house, principal, criteria.offset, criteria.limit, read_page)


async def now(house: House) -> int:
    """Returns the time of the storage clock, by which schedules fire."""
    return await house.database.peek(lambda tx: tx.read_clock())


def _texts(request: ScheduleRequest, *, required: bool) -> list[Problem]:
    problems = list[Problem]()
    if required or request.name is not UNSET:
        name = None if request.name is UNSET else request.name
        problems += bounds.text("name", name, longest=bounds.LONGEST_NAME, required=True)
    if request.description is not UNSET:
        problems += bounds.text("description", request.description)
    return problems + bounds.json("details", request.document)


async def _source(tx: Tx, schedule: Schedule) -> Source | None:
    if schedule.source_id is None:
        return None
    return (await sources.by_ids(tx, schedule.organization_id, [schedule.source_id])).get(schedule.source_id)


async def _refuse_too_many(tx: Tx, house: House, principal: Principal) -> None:
    if await storage.count(tx, principal.organization_id) >= house.limits.schedules:
        raise CapacityExceeded(f"Organization limit of {house.limits.schedules} schedules reached.")
