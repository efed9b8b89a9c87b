"""The view of a scheduled job that the interfaces share: its facts under the names of GraphQL and `/api/v1`.

The published REST interface uses these facts under its own names. Each interface writes moments itself.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from enginehouse.api.input.schedules import DAYS
from enginehouse.api.spelling import optional
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.schedules.description import clock
from enginehouse.domain.schedules.preview import UpcomingSlot
from enginehouse.domain.schedules.schedule import Schedule, SlotRecord
from enginehouse.domain.schedules.timing import Recurring, RunMode, Timing, Weekly

Facts = dict[str, Any]
WriteMoment = Callable[[int], str]

FACTS: Final[Mapping[str, Callable[[Schedule], Any]]] = {
    "id": lambda schedule: str(schedule.id),
    "organizationId": lambda schedule: str(schedule.organization_id),
    "name": lambda schedule: schedule.name,
    "description": lambda schedule: schedule.description,
    "runMode": lambda schedule: schedule.run_mode.capitalize(),
    "isActive": lambda schedule: schedule.is_active,
    "isPublic": lambda schedule: schedule.is_public,
    "parts": lambda schedule: parts(schedule.timing),
    "cron": lambda schedule: schedule.timing.cron,
    "timeZone": lambda schedule: schedule.timing.zone,
    "dstPolicy": lambda schedule: {"gap": schedule.timing.gap.value, "fold": schedule.timing.fold.value},
    "excludedDates": lambda schedule: sorted(schedule.timing.excluded),
    "overlapPolicy": lambda schedule: schedule.rules.overlap.value,
    "catchUp": lambda schedule: schedule.rules.catch_up.value,
    "catchUpLimit": lambda schedule: schedule.rules.most,
    "jitterSeconds": lambda schedule: schedule.rules.jitter_seconds,
    "primarySourceId": lambda schedule: optional(str, schedule.source_id),
    "details": lambda schedule: schedule.document.get("details"),
    "detailsSchemaId": lambda schedule: schedule.document.get("detailsSchemaId"),
}
MOMENTS: Final[Mapping[str, Callable[[Schedule], int | None]]] = {
    "startDateTime": lambda schedule: schedule.start_at,
    "stopDateTime": lambda schedule: schedule.stop_at,
    "createdDateTime": lambda schedule: schedule.created_at,
    "modifiedDateTime": lambda schedule: schedule.modified_at,
}


def facts(schedule: Schedule, write: WriteMoment) -> Facts:
    """Returns all facts of the schedule."""
    moments = {name: optional(write, moment(schedule)) for name, moment in MOMENTS.items()}
    return {name: fact(schedule) for name, fact in FACTS.items()} | moments


def parts(timing: Timing) -> list[Facts]:
    """Returns the parts of the calendar: recurring ones, then weekly ones. A schedule with a cron line has none."""
    return [_interval(part) for part in timing.recurring] + [_weekly(part) for part in timing.weekly]


def _interval(part: Recurring) -> Facts:
    return {
        "scheduleType": "Interval",
        "repeatIntervalUnit": part.unit.value.capitalize(),
        "repeatInterval": part.every,
        "durationSeconds": part.duration_seconds,
        "startTime": optional(clock, part.start),
    }


def _weekly(part: Weekly) -> Facts:
    day = None if part.day is None else DAYS[part.day]
    return {
        "scheduleType": "Weekly",
        "scheduledDay": day,
        "scheduledDayLocal": day,
        "startTime": clock(part.start),
        "stopTime": optional(clock, part.stop),
    }


def next_run(schedule: Schedule) -> int | None:
    """Returns the stored next slot. Only a recurring schedule has one."""
    return schedule.next_at if schedule.run_mode is RunMode.RECURRING else None


def upcoming_slot(slot: UpcomingSlot, write: WriteMoment) -> Facts:
    """Returns a future slot, also in the local time of its zone."""
    return {
        "slotDateTime": write(slot.slot),
        "startDateTime": write(slot.due_at),
        "localDateTime": slot.local.isoformat(timespec="seconds"),
        "note": slot.note,
    }


def slot_record(record: SlotRecord, job_ids: list[int], write: WriteMoment) -> Facts:
    """Returns the outcome of a slot, or of several in a row, with its jobs that still exist."""
    return {
        "slotDateTime": write(record.slot),
        "lastSlotDateTime": write(record.last_slot),
        "count": record.slots,
        "outcome": record.outcome,
        "reason": record.reason,
        "decidedDateTime": write(record.decided_at),
        "jobIds": [job_graphql(job_id) for job_id in job_ids],
    }
