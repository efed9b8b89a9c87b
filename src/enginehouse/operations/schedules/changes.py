"""A scheduled job as a request leaves it: what of it changes, and where its cursor goes by that. No I/O."""

from typing import Any

import msgspec
from msgspec import UNSET

from enginehouse.domain.identity import Principal
from enginehouse.domain.schedules.firing import Standing, first_look, placed
from enginehouse.domain.schedules.request import ScheduleRequest, Wanted
from enginehouse.domain.schedules.schedule import RunMode, Timing
from enginehouse.storage.schedules.schedules import Schedule
from enginehouse.storage.sources import Source


def blank(principal: Principal, schedule_id: int, now: int) -> Schedule:
    """A new schedule of the caller, before anything is said about it."""
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


def of_source(request: ScheduleRequest, source: Source | None) -> ScheduleRequest:
    """The request with the primary source that its templates name, unless it says itself which one that is."""
    if request.source_id is not UNSET:
        return request
    return msgspec.structs.replace(request, source_id=None if source is None else source.id)


def zone(source: Source | None) -> str:
    """The time zone of a schedule that says none, and whose parts are of the week."""
    return (source.zone if source is not None else None) or Timing().zone


def unsaid(request: ScheduleRequest, source: Source | None) -> Wanted:
    """What a new schedule is where its request says nothing: its weekly parts are in its primary source's time zone."""
    return Wanted(timing=Timing(zone=zone(source))) if request.weekly else Wanted()


def before(schedule: Schedule) -> Wanted:
    """The schedule as a request is read over it."""
    return Wanted(
        run_mode=schedule.run_mode,
        is_active=schedule.is_active,
        start_at=schedule.start_at,
        stop_at=schedule.stop_at,
        timing=schedule.timing,
        rules=schedule.rules,
    )


def changed(old: Schedule, request: ScheduleRequest, wanted: Wanted, now: int, *, fresh: bool) -> Schedule:
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
    return cursor(new, now, fresh=not keeps_anchor)


def cursor(new: Schedule, now: int, *, fresh: bool) -> Schedule:
    """Nothing before now is a slot of it any more. `fresh`: its intervals are counted anew."""
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
