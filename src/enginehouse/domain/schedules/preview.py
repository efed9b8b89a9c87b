"""The preview of a schedule's next slots. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.schedules.calendar import mark, slots
from enginehouse.domain.schedules.firing import due_at
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import EPOCH, RunMode
from enginehouse.domain.schedules.zones import zone_of

MOST_PREVIEWED: Final = 1000


@dataclass(frozen=True, slots=True)
class UpcomingSlot:
    """A future slot: its time, the start of its run (with jitter), its local time, and a note about clock changes.

    `note` is "gap" for a local time that does not exist that day, "repeated" for one that comes twice, else None.
    """

    slot: int
    due_at: int
    local: datetime
    note: str | None


def upcoming(schedule: Schedule, *, count: int, now: int) -> list[UpcomingSlot]:
    """Returns the next `count` slots, as if the schedule were active; none if it only waits for a launch.

    Raises InvalidInput for a count that is not allowed.
    """
    if not 1 <= count <= MOST_PREVIEWED:
        raise InvalidInput(f"1–{MOST_PREVIEWED}, got {count}.", "count")
    if schedule.run_mode is not RunMode.RECURRING:
        return []
    zone = zone_of(schedule.timing.zone)
    later = slots(schedule.timing, anchor=schedule.anchor, after=max(now, schedule.decided))
    result = list[UpcomingSlot]()
    for slot in islice(later, count):
        if schedule.stop_at is not None and slot > schedule.stop_at:
            break
        local = (EPOCH + timedelta(microseconds=slot)).astimezone(zone)
        result.append(UpcomingSlot(slot, due_at(slot, schedule.rules, schedule.id), local, mark(slot, schedule.timing)))
    return result
