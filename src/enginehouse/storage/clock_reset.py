"""Undoes what a storage clock that was ahead has left: times in the future that decide what happens next."""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.timing import Timing
from enginehouse.domain.schedules.zones import UnknownZone
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

MARGIN: Final = 3_600_000_000  # µs; no retry waits longer, and no usual lease lasts longer
_LEASE: Final = 60_000_000  # µs; a worker that lives prolongs its lease within this


class Latest(NamedTuple):
    """The latest time in storage that can only be the past; None in an empty database."""

    micros: int | None


class AheadSchedule(NamedTuple):
    """A schedule whose cursor is in the future."""

    id: int
    timing: str
    anchor: int


class LongSkip(NamedTuple):
    """A row of skipped slots that ends in the future."""

    schedule_id: int
    slot: int
    slots: int


class Reset(NamedTuple):
    """How many objects had times in the future."""

    items: int
    leases: int
    schedules: int


_LATEST: Final = Select("clock_reset.latest", Latest)
_SCHEDULES: Final = Select("clock_reset.schedules", AheadSchedule)
_SKIPS: Final = Select("clock_reset.long_skips", LongSkip)


async def ahead(tx: Tx, now: int) -> int:
    """Returns by how many µs the times in storage are ahead of `now`; 0 if they are not."""
    [latest] = await _LATEST.all(tx, now=now, margin=MARGIN)
    return max(0, (latest.micros or 0) - now)


async def stops_new_jobs(tx: Tx) -> bool:
    """True if an open bulk cancel of a later time would stop the jobs that are created after a reset."""
    return await tx.one("clock_reset.stop_at_later", now=tx.now) is not None


async def reset(tx: Tx) -> Reset:
    """No time in storage that decides what happens next is later than now, unless a client has set it.

    Records stay as they are: jobs, events, and the audit, whose seals cover its times.
    """
    now = await tx.read_clock()
    ahead_schedules = {row.id: row for row in await _SCHEDULES.all(tx, now=now)}
    items = await tx.run("clock_reset.start_items", now=now)
    leases = await tx.run("clock_reset.shorten_leases", until=now + _LEASE, later=now + MARGIN)
    await tx.run("clock_reset.shorten_attempts", now=now)
    await tx.run("clock_reset.see_workers", now=now)
    await tx.run("clock_reset.shorten_sessions", now=now)
    await tx.run("clock_reset.date_tokens", now=now)
    await tx.run("clock_reset.date_keys", now=now)
    await tx.run("clock_reset.send_messages", now=now)
    await tx.run("clock_reset.open_destinations", now=now)
    await tx.run("clock_reset.forget_slots", now=now)
    for skip in await _SKIPS.all(tx, now=now):
        schedule = ahead_schedules.get(skip.schedule_id)
        past = [] if schedule is None else list(_past(schedule, skip, now))
        last, count = (past[-1], len(past)) if past else (skip.slot, 1)
        await tx.run("clock_reset.cut_skip", schedule_id=skip.schedule_id, slot=skip.slot, last_slot=last, slots=count)
    await tx.run("clock_reset.look_again", now=now)
    return Reset(items, leases, len(ahead_schedules))


def _past(schedule: AheadSchedule, skip: LongSkip, now: int) -> Iterator[int]:
    """Yields the slots of the row that are not in the future; none if the calendar cannot be computed any more."""
    try:
        timing = msgspec.json.decode(schedule.timing, type=Timing)
        all_slots = slots(timing, anchor=min(schedule.anchor, skip.slot), after=skip.slot - 1)
        yield from takewhile(lambda slot: slot <= now, islice(all_slots, skip.slots))
    except (UnknownZone, ValueError, msgspec.DecodeError):
        return
