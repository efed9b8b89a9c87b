"""The views of a scheduled job, its slots and its preview in `/api/v1/schedules`."""

from collections.abc import Sequence

import msgspec

from enginehouse.api.http.call import Call
from enginehouse.api.spelling import optional
from enginehouse.api.v1.schedule_shapes import PreviewView, ScheduleView, SlotView, UpcomingSlotView
from enginehouse.api.view import schedule as view
from enginehouse.domain import ids, times
from enginehouse.domain.schedules.preview import UpcomingSlot
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.operations import templates
from enginehouse.operations.schedules import slots
from enginehouse.operations.schedules.slots import SchedulePreview


async def schedule_views(call: Call, schedules: Sequence[Schedule]) -> list[ScheduleView]:
    """Returns the schedules with their launches and warnings, which are read together."""
    warnings = await slots.warnings(call.house, schedules)
    launched = await templates.launched(call.house, call.principal, [each.id for each in schedules])
    return [
        _schedule(each, warnings[each.id], launched.get(each.id, templates.ScheduleLaunches())) for each in schedules
    ]


def _schedule(schedule: Schedule, warnings: list[str], launched: templates.ScheduleLaunches) -> ScheduleView:
    facts = view.facts(schedule, times.rest)
    return msgspec.convert(
        {
            **facts,
            "scheduledJobUuid": ids.schedule_uuid(schedule.id),
            "recurringScheduleParts": [part for part in facts["parts"] if part["scheduleType"] == "Interval"],
            "weeklyScheduleParts": [part for part in facts["parts"] if part["scheduleType"] == "Weekly"],
            "jobTemplateIds": [ids.job_graphql(each.id) for each in launched.templates],
            "jobPipelineIds": [ids.pipeline_uuid(each.id) for each in launched.pipelines],
            "nextRunDateTime": optional(times.rest, view.next_run(schedule)),
            "runs": schedule.fired,
            "skipped": schedule.skipped,
            "sentence": slots.sentence(schedule),
            "warnings": warnings,
        },
        ScheduleView,
    )


def preview_view(upcoming: SchedulePreview) -> PreviewView:
    """Returns the preview of a schedule."""
    return PreviewView(
        sentence=upcoming.sentence,
        next=upcoming.next,
        warnings=upcoming.warnings,
        coming=[upcoming_slot_view(each) for each in upcoming.slots],
    )


def upcoming_slot_view(slot: UpcomingSlot) -> UpcomingSlotView:
    """Returns a future slot."""
    facts = view.upcoming_slot(slot, times.rest)
    start = facts["startDateTime"] if slot.due_at != slot.slot else None
    return msgspec.convert({**facts, "local": facts["localDateTime"], "startDateTime": start}, UpcomingSlotView)


def slot_view(record: SlotRecord, job_ids: list[int]) -> SlotView:
    """Returns the outcome of a slot, or of several in a row."""
    facts = view.slot_record(record, job_ids, times.rest)
    last = facts["lastSlotDateTime"] if record.last_slot != record.slot else None
    return msgspec.convert({**facts, "slots": facts["count"], "lastSlotDateTime": last}, SlotView)
