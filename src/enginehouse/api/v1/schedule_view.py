"""From a scheduled job, its slots and its future to what `/api/v1/schedules` shows."""

from collections.abc import Sequence

from enginehouse.api.http.call import Call
from enginehouse.api.input.schedules import DAYS
from enginehouse.api.v1.schedule_shapes import (
    ClockChanges,
    ComingShown,
    Foreseen,
    RecurringPart,
    ScheduleShown,
    SlotShown,
    WeeklyPart,
)
from enginehouse.domain import ids, times
from enginehouse.domain.schedules.description import clock
from enginehouse.domain.schedules.preview import UpcomingSlot
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.domain.schedules.timing import RunMode, Timing
from enginehouse.operations import templates
from enginehouse.operations.schedules import slots
from enginehouse.operations.schedules.slots import SchedulePreview


async def schedules_shown(call: Call, found: Sequence[Schedule]) -> list[ScheduleShown]:
    """The schedules with what they launch and what is odd about them, read together."""
    odd = await slots.warnings(call.house, found)
    launched = await templates.launched(call.house, call.principal, [each.id for each in found])
    return [_schedule(each, odd[each.id], launched.get(each.id, templates.ScheduleLaunches())) for each in found]


def _schedule(schedule: Schedule, odd: list[str], launched: templates.ScheduleLaunches) -> ScheduleShown:
    timing, rules = schedule.timing, schedule.rules
    recurring, weekly = _parts(timing)
    return ScheduleShown(
        id=str(schedule.id),
        scheduled_job_uuid=ids.schedule_uuid(schedule.id),
        organization_id=str(schedule.organization_id),
        name=schedule.name,
        description=schedule.description,
        run_mode=schedule.run_mode.value.capitalize(),
        is_active=schedule.is_active,
        is_public=schedule.is_public,
        start_date_time=_time(schedule.start_at),
        stop_date_time=_time(schedule.stop_at),
        recurring_schedule_parts=recurring or None,
        weekly_schedule_parts=weekly or None,
        cron=timing.cron,
        time_zone=timing.zone,
        dst_policy=ClockChanges(gap=timing.gap.value, fold=timing.fold.value),
        excluded_dates=sorted(timing.excluded) or None,
        overlap_policy=rules.overlap.value,
        catch_up=rules.catch_up.value,
        catch_up_limit=rules.most,
        jitter_seconds=rules.jitter_seconds,
        primary_source_id=None if schedule.source_id is None else str(schedule.source_id),
        details=schedule.document.get("details"),
        job_template_ids=[ids.job_graphql(each.id) for each in launched.templates] or None,
        job_pipeline_ids=[ids.pipeline_uuid(each.id) for each in launched.pipelines] or None,
        next_run_date_time=_time(schedule.next_at) if schedule.run_mode is RunMode.RECURRING else None,
        runs=schedule.fired,
        skipped=schedule.skipped,
        sentence=slots.sentence(schedule),
        warnings=odd or None,
        created_date_time=times.rest(schedule.created_at),
        modified_date_time=times.rest(schedule.modified_at),
    )


def foreseen(found: SchedulePreview) -> Foreseen:
    """What a schedule will do."""
    return Foreseen(
        sentence=found.sentence,
        next=found.next,
        warnings=found.warnings,
        coming=[coming(each) for each in found.slots],
    )


def coming(slot: UpcomingSlot) -> ComingShown:
    """A slot to come."""
    return ComingShown(
        slot_date_time=times.rest(slot.slot),
        local=slot.local.isoformat(timespec="seconds"),
        note=slot.note,
        start_date_time=None if slot.due_at == slot.slot else times.rest(slot.due_at),
    )


def slot_shown(record: SlotRecord, job_ids: Sequence[int]) -> SlotShown:
    """What became of a slot, or of several in a row, with the jobs it started that are still kept."""
    return SlotShown(
        slot_date_time=times.rest(record.slot),
        last_slot_date_time=None if record.last_slot == record.slot else times.rest(record.last_slot),
        slots=record.slots,
        outcome=record.outcome,
        reason=record.reason,
        decided_date_time=times.rest(record.decided_at),
        job_ids=[ids.job_graphql(job_id) for job_id in job_ids] or None,
    )


def _parts(timing: Timing) -> tuple[list[RecurringPart], list[WeeklyPart]]:
    recurring = [
        RecurringPart(
            repeat_interval_unit=part.unit.value.capitalize(),
            repeat_interval=part.every,
            duration_seconds=part.duration_seconds,
            start_time=_clock(part.start),
        )
        for part in timing.recurring
    ]
    weekly = [
        WeeklyPart(
            scheduled_day=None if part.day is None else DAYS[part.day],
            start_time=_clock(part.start),
            stop_time=_clock(part.stop),
        )
        for part in timing.weekly
    ]
    return recurring, weekly


def _clock(seconds: int | None) -> str | None:
    return None if seconds is None else clock(seconds)


def _time(micros: int | None) -> str | None:
    return None if micros is None else times.rest(micros)
