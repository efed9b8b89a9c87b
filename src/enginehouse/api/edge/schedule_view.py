"""The view of a scheduled job in the documented REST interface."""

from collections.abc import Sequence
from typing import Any

from enginehouse.api.edge.schedule_shapes import ScheduledJobDetail, SchedulePart
from enginehouse.api.http.call import Call
from enginehouse.api.spelling import json_text, optional
from enginehouse.api.view import schedule as view
from enginehouse.domain import ids, times
from enginehouse.domain.identity import Principal
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.operations import sources


async def details(call: Call, principal: Principal, schedules: Sequence[Schedule]) -> list[ScheduledJobDetail]:
    """Returns the schedules with the types of their sources, which are read together."""
    source_ids = {each.source_id for each in schedules if each.source_id is not None}
    kinds: dict[int, str] = {}
    if source_ids:
        types = await sources.types(call.house, principal)
        by_id = await sources.get_many(call.house, principal, source_ids)
        kinds = {each.id: types[each.source_type_id].name for each in by_id.values()}
    return [_detail(each, kinds.get(each.source_id or 0)) for each in schedules]


def _detail(schedule: Schedule, kind: str | None) -> ScheduledJobDetail:
    facts = view.facts(schedule, times.rest)
    config = facts["details"]
    texts = config if isinstance(config, dict) else {}
    created, modified = facts["createdDateTime"], facts["modifiedDateTime"]
    return ScheduledJobDetail(
        internal_scheduled_job_id=ids.schedule_uuid(schedule.id),
        scheduled_job_id=schedule.id,
        scheduled_job_name=schedule.name,
        internal_organization_id=ids.organization_uuid(schedule.organization_id),
        organization_id=schedule.organization_id,
        is_active=schedule.is_active,
        run_mode=schedule.run_mode.value,
        schedule_parts=[
            _part(schedule.id, number, part, created, modified) for number, part in enumerate(facts["parts"])
        ],
        source_id=schedule.source_id,
        source_type=kind,
        live_timezone=facts["timeZone"],
        job_config_json=optional(json_text, config),
        url=_text(texts, "url"),
        radio_stream_url=_text(texts, "radioStreamUrl"),
        youtube_channel=_text(texts, "youtubeChannel"),
        start_date_time=facts["startDateTime"],
        stop_date_time=facts["stopDateTime"],
        core_created_date_time=created,
        created_date_time=created,
        modified_date_time=modified,
    )


def _part(schedule_id: int, number: int, part: view.Facts, created: str, modified: str) -> SchedulePart:
    """Returns the part. This interface writes its words in lower case."""
    words = {name: value.lower() for name, value in part.items() if isinstance(value, str)}
    return SchedulePart(
        schedule_parts_id=ids.schedule_part_uuid(schedule_id, number),
        internal_scheduled_job_id=ids.schedule_uuid(schedule_id),
        schedule_type=words["scheduleType"],
        schedule_day=words.get("scheduledDay"),
        schedule_day_local=words.get("scheduledDayLocal"),
        start_time=words.get("startTime"),
        stop_time=words.get("stopTime"),
        repeat_interval=part.get("repeatInterval"),
        repeat_interval_unit=words.get("repeatIntervalUnit"),
        duration_seconds=part.get("durationSeconds"),
        created_date_time=created,
        modified_date_time=modified,
    )


def _text(texts: dict[str, Any], name: str) -> str | None:
    value = texts.get(name)
    return value if isinstance(value, str) else None
