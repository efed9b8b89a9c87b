"""Applies a request to a scheduled job, and moves its cursor. No I/O."""

from typing import Any, Final

import msgspec
from msgspec import UNSET

from enginehouse.domain.identity import Principal
from enginehouse.domain.schedules.firing import first_look, placed, state_of
from enginehouse.domain.schedules.request import ScheduleRequest, ScheduleSettings
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode, Timing
from enginehouse.domain.sources import Source

_PLAIN_FIELDS: Final = ("name", "description", "is_public", "source_id")


def blank(principal: Principal, schedule_id: int, now: int) -> Schedule:
    """A new schedule of the caller, with every setting at its default."""
    defaults = ScheduleSettings()
    return Schedule(
        id=schedule_id,
        organization_id=principal.organization_id,
        name="",
        run_mode=defaults.run_mode,
        is_active=defaults.is_active,
        timing=defaults.timing,
        rules=defaults.rules,
        anchor=now,
        decided=now,
        created_by=principal.user_id,
        created_at=now,
        modified_at=now,
    )


def with_source(request: ScheduleRequest, source: Source | None) -> ScheduleRequest:
    """Returns the request with the primary source that its templates name, unless it sets the source itself."""
    if request.source_id is not UNSET:
        return request
    return msgspec.structs.replace(request, source_id=None if source is None else source.id)


def default_zone(source: Source | None) -> str:
    """The time zone of a schedule with weekly parts that does not set a zone."""
    return (source.zone if source is not None else None) or Timing().zone


def default_settings(request: ScheduleRequest, source: Source | None) -> ScheduleSettings:
    """The defaults of a new schedule. If it has weekly parts, its zone is that of its primary source."""
    return ScheduleSettings(timing=Timing(zone=default_zone(source))) if request.weekly else ScheduleSettings()


def settings_of(schedule: Schedule) -> ScheduleSettings:
    """Returns the schedule's settings, over which a request is read."""
    return ScheduleSettings(
        run_mode=schedule.run_mode,
        is_active=schedule.is_active,
        start_at=schedule.start_at,
        stop_at=schedule.stop_at,
        timing=schedule.timing,
        rules=schedule.rules,
    )


def apply(old: Schedule, request: ScheduleRequest, settings: ScheduleSettings, now: int, *, fresh: bool) -> Schedule:
    """Returns the changed schedule. Its cursor moves only if the request changes when it fires."""
    fields: dict[str, Any] = {name: value for name in _PLAIN_FIELDS if (value := getattr(request, name)) is not UNSET}
    new = msgspec.structs.replace(
        old,
        run_mode=settings.run_mode,
        is_active=settings.is_active,
        start_at=settings.start_at,
        stop_at=settings.stop_at,
        timing=settings.timing,
        rules=settings.rules,
        document={**old.document, **request.document},
        modified_at=now,
        **fields,
    )
    same = (old.timing, old.start_at, old.run_mode) == (new.timing, new.start_at, new.run_mode)
    if not fresh and same and old.is_active == new.is_active and request.run_mode is not RunMode.NOW:
        return msgspec.structs.replace(new, next_at=_next_at(new) if new.is_active else None)
    keeps_anchor = not fresh and (old.timing, old.start_at) == (new.timing, new.start_at)
    return restart(new, now, fresh=not keeps_anchor)


def restart(schedule: Schedule, now: int, *, fresh: bool) -> Schedule:
    """Returns the schedule with its cursor at now, so that no earlier slot fires. `fresh` drops the old anchor."""
    anchor, decided = placed(schedule.start_at, now, anchor=None if fresh else schedule.anchor)
    new = msgspec.structs.replace(schedule, anchor=anchor, decided=decided, launched=0, modified_at=now)
    return msgspec.structs.replace(new, next_at=_next_at(new) if new.is_active else None)


def _next_at(schedule: Schedule) -> int | None:
    return first_look(state_of(schedule))
