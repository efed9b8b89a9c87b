"""What may be done with scheduled jobs: create, change, pause, put back, copy, delete; look, list, foresee."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import UNSET

from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.firing import Standing, due_at, first_look, placed
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.schedule import RunMode
from enginehouse.domain.scheduling import ScheduleRequest, Wanted, read
from enginehouse.domain.slots import EPOCH, mark, slots
from enginehouse.domain.zones import zone_of
from enginehouse.operations import audit, bounds
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import audit_log
from enginehouse.storage import schedules as storage
from enginehouse.storage import templates as stored_templates
from enginehouse.storage.database import Tx
from enginehouse.storage.schedules import Launch, Schedule, SlotRecord
from enginehouse.storage.templates import JobTemplate

SCHEDULE: Final = "ScheduledJob"
MOST_PREVIEWED: Final = 1000
_REPLACED: Final = "changed"  # why a slot that waited for a run is not waited for any longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Launches:
    """What a request wants launched: templates by id, pipelines by id, and templates to make with the schedule.

    None leaves that kind as it is. `fresh` have ids of 0, and get theirs in the transaction.
    """

    template_ids: Sequence[int] | None = None
    pipeline_ids: Sequence[int] | None = None
    fresh: Sequence[JobTemplate] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot to come: when, when its run starts (jitter), and what the clock on the wall has to do with it.

    `note` is "gap" for a local time that does not exist that day, "repeated" for one that comes twice, else None.
    """

    slot: int
    due_at: int
    local: datetime
    note: str | None


async def create(
    house: House, principal: Principal, request: ScheduleRequest, launches: Launches, *, found: Sequence[Problem] = ()
) -> Schedule:
    """The schedule exists, with the templates made for it; what it does, it does from this commit on.

    Raises InvalidInput with all problems (`found` are those the entrance met), CapacityExceeded, NotAllowed.
    """
    require(principal, Role.USER)
    problems = [*found, *_texts(request, required=True)]

    async def make(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        wanted, wrong = read(request, Wanted(), now=now)
        ids, missing = await _launches(tx, principal, launches, (), ())
        bounds.refuse([*problems, *wrong, *missing])
        await _room(tx, house, principal)
        made = _placed(_blank(principal, await storage.reserve(tx, "schedule"), now), request, wanted, now, fresh=True)
        await storage.insert(tx, [made])
        await storage.set_launches(tx, made.id, await _with_fresh(tx, principal, launches, ids))
        await _record(tx, principal, "createScheduledJob", made.id)
        return made

    made = await house.database.write(make)
    house.listeners.scheduled()
    return made


async def update(
    house: House,
    principal: Principal,
    schedule_id: int,
    request: ScheduleRequest,
    launches: Launches | None = None,
    *,
    shown: str = "",
    found: Sequence[Problem] = (),
) -> Schedule:
    """The schedule is changed; slots from this commit on are those of the new one, none before it is caught up.

    Raises NotFound, NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    problems = [*found, *_texts(request, required=False)]

    async def change(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        wanted, wrong = read(request, _wanted(old), now=now)
        missing = list[Problem]()
        if launches is not None:
            had = (await storage.launches(tx, [old.id])).get(old.id, [])
            ids, missing = await _launches(
                tx,
                principal,
                launches,
                [each.template_id for each in had if each.template_id is not None],
                [each.pipeline_id for each in had if each.pipeline_id is not None],
            )
        bounds.refuse([*problems, *wrong, *missing])
        new = _placed(old, request, wanted, now, fresh=False)
        await storage.update(tx, old, new)
        if launches is not None:
            await storage.set_launches(tx, old.id, await _with_fresh(tx, principal, launches, ids))
        if new.next_at is None or new.timing != old.timing:
            await storage.drop_queued(tx, old.id, _REPLACED)
        await _record(tx, principal, "updateScheduledJob", old.id)
        return new

    new = await house.database.write(change)
    house.listeners.scheduled()
    return new


async def revert(house: House, principal: Principal, schedule_id: int, shown: str = "") -> Schedule:
    """The schedule is what it was before its last change. Raises NotFound, InvalidInput when it never changed."""
    require(principal, Role.USER)

    async def put_back(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        before = await storage.last_version(tx, old.id)
        if before is None:
            raise InvalidInput("has not been changed since it was created.", "id")
        restored = msgspec.structs.replace(before, version=old.version, fired=old.fired, skipped=old.skipped)
        new = _cursor(restored, now, fresh=restored.timing != old.timing or not old.is_active)
        await storage.update(tx, old, new)
        await tx.run("schedules.forget_version", id=old.id, version=before.version)
        await _record(tx, principal, "revertScheduledJob", old.id)
        return new

    new = await house.database.write(put_back)
    house.listeners.scheduled()
    return new


async def clone(house: House, principal: Principal, schedule_id: int, shown: str = "") -> Schedule:
    """An inactive copy of the schedule exists in the caller's organization, launching the same. Raises NotFound.

    A copy that fired at once beside its original would be a surprise: activate it when it is what it is to be.
    """
    require(principal, Role.USER)

    async def copy(tx: Tx) -> Schedule:
        now = await tx.read_clock()
        old = (await storage.by_ids(tx, principal.organization_id, [schedule_id])).get(schedule_id)
        if old is None or old.organization_id != principal.organization_id:
            raise NotFound(SCHEDULE, shown or schedule_id)
        await _room(tx, house, principal)
        made = msgspec.structs.replace(
            old, id=await storage.reserve(tx, "schedule"), is_active=False, next_at=None, launched=0, version=1,
            created_by=principal.user_id, created_at=now, modified_at=now, fired=0, skipped=0,
        )  # fmt: skip
        await storage.insert(tx, [made])
        await storage.set_launches(tx, made.id, (await storage.launches(tx, [old.id])).get(old.id, []))
        await _record(tx, principal, "cloneScheduledJob", made.id)
        return made

    return await house.database.write(copy)


async def delete(house: House, principal: Principal, schedule_id: int, shown: str = "") -> None:
    """The schedule is gone and fires no more; its jobs stay. Raises NotFound, NotAllowed."""
    require(principal, Role.USER)

    async def remove(tx: Tx) -> None:
        await tx.read_clock()
        old = await _locked(tx, principal, schedule_id, shown)
        await storage.delete(tx, [old.id])
        await _record(tx, principal, "deleteScheduledJob", old.id)

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


async def history(
    house: House, principal: Principal, schedule_id: int, *, before: int = (1 << 63) - 1, limit: int = 100
) -> list[SlotRecord]:
    """What became of the schedule's slots, the latest first. Raises NotFound."""
    bounds.page(0, limit, largest=house.limits.page_size)
    schedule = await get(house, principal, schedule_id)
    return await house.database.read(lambda tx: storage.slots(tx, schedule.id, before=before, limit=limit))


def preview(schedule: Schedule, *, count: int, now: int) -> list[Coming]:
    """The next slots from now on, as if it were active; none for one that waits for a launch."""
    if not 1 <= count <= MOST_PREVIEWED:
        raise InvalidInput(f"1–{MOST_PREVIEWED}, got {count}.", "count")
    if schedule.run_mode is not RunMode.RECURRING:
        return []
    zone = zone_of(schedule.timing.zone)
    coming = slots(schedule.timing, anchor=schedule.anchor, after=max(now, schedule.decided))
    found = list[Coming]()
    for slot in islice(coming, count):
        if schedule.stop_at is not None and slot > schedule.stop_at:
            break
        local = (EPOCH + timedelta(microseconds=slot)).astimezone(zone)
        found.append(Coming(slot, due_at(slot, schedule.rules, schedule.id), local, mark(slot, schedule.timing)))
    return found


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


async def _room(tx: Tx, house: House, principal: Principal) -> None:
    if await storage.count(tx, principal.organization_id) >= house.limits.schedules:
        raise CapacityExceeded(f"Organization limit of {house.limits.schedules} schedules reached.")


async def _launches(
    tx: Tx, principal: Principal, launches: Launches, templates: Sequence[int], pipelines: Sequence[int]
) -> tuple[list[Launch], list[Problem]]:
    """What is launched by id, where something was not given as before; and which of it is not there."""
    wanted = [Launch(template_id=i) for i in (templates if launches.template_ids is None else launches.template_ids)]
    wanted += [Launch(pipeline_id=i) for i in (pipelines if launches.pipeline_ids is None else launches.pipeline_ids)]
    if launches.fresh and launches.template_ids is None:
        # Templates written into the request take the place of those that were there.
        wanted = [each for each in wanted if each.template_id is None]
    missing = await storage.unknown_launches(tx, principal.organization_id, wanted)
    problems = list[Problem]()
    for each in missing:
        kind = "jobTemplateIds" if each.template_id is not None else "jobPipelineIds"
        problems.append(Problem(kind, "names something that was not found.", str(each.template_id or each.pipeline_id)))
    return wanted, problems


async def _with_fresh(tx: Tx, principal: Principal, launches: Launches, ids: list[Launch]) -> list[Launch]:
    made = await stored_templates.add(tx, launches.fresh)
    return [*(Launch(template_id=each.id) for each in made), *ids]


def _blank(principal: Principal, schedule_id: int, now: int) -> Schedule:
    wanted = Wanted()
    return Schedule(
        id=schedule_id,
        organization_id=principal.organization_id,
        name="",
        run_mode=wanted.run_mode,
        is_active=wanted.is_active,
        timing=wanted.timing,
        rules=wanted.rules,
        anchor=now,
        decided=now,
        created_by=principal.user_id,
        created_at=now,
        modified_at=now,
    )


def _wanted(schedule: Schedule) -> Wanted:
    return Wanted(
        run_mode=schedule.run_mode,
        is_active=schedule.is_active,
        start_at=schedule.start_at,
        stop_at=schedule.stop_at,
        timing=schedule.timing,
        rules=schedule.rules,
    )


def _placed(old: Schedule, request: ScheduleRequest, wanted: Wanted, now: int, *, fresh: bool) -> Schedule:
    """The schedule as it is to be. Its cursor moves only where it is about when it fires."""
    given: dict[str, Any] = {
        name: value
        for name, value in (
            ("name", request.name),
            ("description", request.description),
            ("is_public", request.is_public),
            ("source_id", request.source_id),
        )
        if value is not UNSET
    }
    new = msgspec.structs.replace(
        old,
        run_mode=wanted.run_mode,
        is_active=wanted.is_active,
        start_at=wanted.start_at,
        stop_at=wanted.stop_at,
        timing=wanted.timing,
        rules=wanted.rules,
        document={**old.document, **request.document},
        modified_at=now,
        **given,
    )
    same = (old.timing, old.start_at, old.run_mode) == (new.timing, new.start_at, new.run_mode)
    if not fresh and same and old.is_active == new.is_active and request.run_mode is not RunMode.NOW:
        return msgspec.structs.replace(new, next_at=_next_at(new) if new.is_active else None)
    keeps_anchor = not fresh and (old.timing, old.start_at) == (new.timing, new.start_at)
    return _cursor(new, now, fresh=not keeps_anchor)


def _cursor(new: Schedule, now: int, *, fresh: bool) -> Schedule:
    anchor, decided = placed(new.start_at, now, anchor=None if fresh else new.anchor)
    placed_ = msgspec.structs.replace(new, anchor=anchor, decided=decided, launched=0, modified_at=now)
    return msgspec.structs.replace(placed_, next_at=_next_at(placed_) if new.is_active else None)


def _next_at(schedule: Schedule) -> int | None:
    return first_look(
        Standing(
            schedule_id=schedule.id,
            mode=schedule.run_mode,
            timing=schedule.timing,
            rules=schedule.rules,
            anchor=schedule.anchor,
            decided=schedule.decided,
            stop=schedule.stop_at,
            launched=schedule.launched,
        )
    )


async def _record(tx: Tx, principal: Principal, event: str, schedule_id: int) -> None:
    entry = audit.entry(principal, event, object_type=SCHEDULE, object_id=schedule_id)
    await audit_log.record(tx, [entry])
