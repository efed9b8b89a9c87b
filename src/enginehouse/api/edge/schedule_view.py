"""From a scheduled job to what the published REST interface shows of it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from enginehouse.api.edge.schedule_shapes import ScheduledJobDetail, SchedulePart
from enginehouse.api.http import organization
from enginehouse.api.http.call import Call
from enginehouse.api.input.schedules import DAYS
from enginehouse.domain import ids, times
from enginehouse.domain.identity import Principal
from enginehouse.domain.schedules.description import clock
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Recurring, RunMode, Weekly
from enginehouse.operations import sources

_encode: Final = msgspec.json.Encoder().encode


async def details(call: Call, principal: Principal, found: Sequence[Schedule]) -> list[ScheduledJobDetail]:
    """The schedules with the kinds of their sources, read together."""
    named = {each.source_id for each in found if each.source_id is not None}
    kinds: dict[int, str] = {}
    if named:
        types = await sources.types(call.house, principal)
        known = await sources.get_many(call.house, principal, named)
        kinds = {each.id: types[each.source_type_id].name for each in known.values()}
    return [_detail(each, kinds.get(each.source_id or 0)) for each in found]


def _detail(schedule: Schedule, kind: str | None) -> ScheduledJobDetail:
    config = schedule.document.get("details")
    told = config if isinstance(config, dict) else {}
    created, modified = times.rest(schedule.created_at), times.rest(schedule.modified_at)
    recurs = schedule.run_mode is RunMode.RECURRING
    return ScheduledJobDetail(
        internal_scheduled_job_id=ids.schedule_uuid(schedule.id),
        scheduled_job_id=schedule.id,
        scheduled_job_name=schedule.name,
        internal_organization_id=organization.shown(schedule.organization_id),
        organization_id=schedule.organization_id,
        is_active=schedule.is_active,
        run_mode=schedule.run_mode.value,
        schedule_parts=_parts(schedule, created, modified),
        source_id=schedule.source_id,
        source_type=kind,
        live_timezone=schedule.timing.zone,
        job_config_json=None if config is None else _encode(config).decode(),
        url=_text(told, "url"),
        radio_stream_url=_text(told, "radioStreamUrl"),
        youtube_channel=_text(told, "youtubeChannel"),
        start_date_time=_time(schedule.start_at),
        stop_date_time=_time(schedule.stop_at),
        core_created_date_time=created,
        created_date_time=created,
        modified_date_time=modified,
        cron=schedule.timing.cron,
        next_run_date_time=_time(schedule.next_at) if recurs else None,
        runs=schedule.fired,
        skipped=schedule.skipped,
    )


def _parts(schedule: Schedule, created: str, modified: str) -> list[SchedulePart]:
    parts: list[Recurring | Weekly] = [*schedule.timing.recurring, *schedule.timing.weekly]
    return [_part(schedule, number, part, created, modified) for number, part in enumerate(parts)]


def _part(schedule: Schedule, number: int, part: Recurring | Weekly, created: str, modified: str) -> SchedulePart:
    known: dict[str, Any] = {
        "schedule_parts_id": ids.schedule_part_uuid(schedule.id, number),
        "internal_scheduled_job_id": ids.schedule_uuid(schedule.id),
        "start_time": None if part.start is None else clock(part.start),
        "created_date_time": created,
        "modified_date_time": modified,
    }
    match part:
        case Recurring():
            return SchedulePart(
                schedule_type="interval",
                repeat_interval=part.every,
                repeat_interval_unit=part.unit.value,
                duration_seconds=part.duration_seconds,
                **known,
            )
        case Weekly():
            day = None if part.day is None else DAYS[part.day].lower()
            return SchedulePart(
                schedule_type="weekly",
                schedule_day=day,
                schedule_day_local=day,
                stop_time=None if part.stop is None else clock(part.stop),
                **known,
            )


def _text(told: dict[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) else None


def _time(micros: int | None) -> str | None:
    return None if micros is None else times.rest(micros)
