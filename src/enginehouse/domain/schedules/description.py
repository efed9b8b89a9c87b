"""Describes a schedule in words: one sentence for people, and warnings about what they may not intend. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, pairwise
from typing import Final

from cronsim import CronSim

from enginehouse.domain.schedules import clock_changes, cron
from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.timing import (
    DAY,
    EPOCH,
    CatchUp,
    Overlap,
    Recurring,
    Rules,
    RunMode,
    Timing,
    Weekly,
)
from enginehouse.domain.schedules.zones import zone_of
from enginehouse.domain.times import SECOND

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FIRST_DAY: Final = (datetime(1, 1, 2, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST_DAY: Final = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) - 1
_LOOKED_AT: Final = 400  # slots that are checked for warnings: more than a year of days


def sentence(mode: RunMode, timing: Timing, *, active: bool, start: int | None, stop: int | None) -> str:
    """Says what the schedule does: `Runs every day at 21:30 (Europe/Prague), from 1 December 2026 00:00.`"""
    match mode:
        case RunMode.ONCE:
            return "Waits for a launch; it never starts by itself."
        case RunMode.NOW:
            text = "Starts one run at once, and waits for a launch when that has ended"
        case RunMode.CONTINUOUS:
            text = "Runs without a break: when a run has ended the next one starts"
        case RunMode.RECURRING:
            text = f"Runs {_when(timing)}"
    zone = zone_of(timing.zone)
    if start is not None:
        text += f", from {moment(start, zone)}"
    if stop is not None:
        text += f", until {moment(stop, zone)}"
    if timing.excluded:
        text += f", but not on {_listed(sorted(timing.excluded), 3)}"
    return text + ("." if active else "; paused: nothing starts until it is resumed.")


def next_run(slot: int | None, zone: str, reader_zone: str, now: int) -> str:
    """Says when it fires next, in its zone and the reader's: `Next: Tuesday, 24 November 2026 at 21:30 (…), in 3 h.`"""
    if slot is None:
        return "No run is to come."
    text = f"Next: {moment(slot, zone_of(zone))} ({zone})"
    if zone_of(zone).utcoffset(_at(slot)) != zone_of(reader_zone).utcoffset(_at(slot)):
        text += f", {moment(slot, zone_of(reader_zone))} ({reader_zone})"
    return f"{text}, in {span(max(0, slot - now))}."


def outlook(
    mode: RunMode, slot: int | None, zone: str, reader_zone: str, now: int, *, active: bool, begun: bool = False
) -> str:
    """Says what happens next: the next run, or what the schedule waits for. `begun`: a run has already started."""
    match mode:
        case RunMode.ONCE:
            return "It runs when it is launched."
        case RunMode.NOW | RunMode.CONTINUOUS | RunMode.RECURRING if not active:
            text = "" if slot is None else f" If it were resumed now: {next_run(slot, zone, reader_zone, now)}"
            return f"It is paused, so nothing is to come.{text}"
        case RunMode.NOW | RunMode.CONTINUOUS if not begun:
            return "The first run starts at once." if slot is None else next_run(slot, zone, reader_zone, now)
        case RunMode.NOW:
            return "Its run has started; after that it runs when it is launched."
        case RunMode.CONTINUOUS:
            return "The next run starts when the one before has ended."
        case RunMode.RECURRING:
            return next_run(slot, zone, reader_zone, now)


def users(schedules: Sequence[tuple[int, int]], organization_id: int, *, verb: str = "launch it") -> str:
    """Says which schedules, each with its organization, use an object; empty if none does.

    `scheduled jobs 100001 and 2 more launch it`: it names only schedules of `organization_id`, and counts the others.
    """
    own = [str(schedule_id) for schedule_id, owner in schedules if owner == organization_id]
    named, others = own[:5], len(schedules) - len(own[:5])
    if not schedules:
        return ""
    if not named:
        return f"{others} scheduled jobs of other organizations {verb}"
    more = f" and {others} more" if others else ""
    return f"scheduled jobs {', '.join(named)}{more} {verb}"


def lint(
    timing: Timing,
    rules: Rules,
    mode: RunMode,
    *,
    anchor: int,
    now: int,
    stop: int | None = None,
    usual_run: int | None = None,
) -> list[str]:
    """Returns the warnings that a person should read before they use the schedule; empty if there are none.

    `usual_run`: how long its recent runs have taken (µs); None if that is not known.
    """
    if mode is not RunMode.RECURRING:
        return []
    coming = [
        slot
        for slot in islice(slots(timing, anchor=anchor, after=max(now, anchor - 1)), _LOOKED_AT)
        if stop is None or slot <= stop
    ]
    if not coming:
        return ["This schedule never fires."]
    shortest = min((later - earlier for earlier, later in pairwise(coming)), default=None)
    return [
        *([] if timing.cron is None else cron.warnings(timing.cron)),
        *clock_changes.warnings(timing, anchor=anchor, now=now, last=coming[-1], stop=stop),
        *_too_long(timing, rules, shortest),
        *_runs_too_long(rules, shortest, usual_run),
        *_too_many(rules, shortest),
    ]


def _too_long(timing: Timing, rules: Rules, shortest: int | None) -> list[str]:
    if shortest is None:
        return []
    warnings = [
        f"durationSeconds {part.duration_seconds} is longer than the {span(shortest)} between runs; they would overlap."
        for part in timing.recurring
        if rules.overlap is Overlap.ALLOW and (part.duration_seconds or 0) * SECOND > shortest
    ]
    if rules.jitter_seconds * SECOND > shortest:
        warnings.append(f"jitterSeconds {rules.jitter_seconds} is longer than the {span(shortest)} between two runs.")
    return warnings


def _runs_too_long(rules: Rules, shortest: int | None, usual_run: int | None) -> list[str]:
    if shortest is None or usual_run is None or usual_run <= shortest:
        return []
    match rules.overlap:
        case Overlap.ALLOW:
            then = "they overlap"
        case Overlap.SKIP:
            then = "slots in between are skipped"
        case Overlap.QUEUE:
            then = "slots wait ever longer"
        case Overlap.REPLACE:
            then = "the next run stops the one before"
    return [f"Its last runs took {span(usual_run)}, longer than the {span(shortest)} between two; {then}."]


def _too_many(rules: Rules, shortest: int | None) -> list[str]:
    if shortest is None or rules.catch_up is not CatchUp.ALL or shortest > 60 * SECOND:
        return []
    an_hour = 3600 * SECOND // shortest
    return [f"An hour without a server would be caught up with {min(an_hour, rules.most)} runs at once."]


def _when(timing: Timing) -> str:
    if timing.cron is not None:
        text = CronSim(timing.cron, EPOCH).explain()
        return f"{text[:1].lower()}{text[1:]} ({timing.zone})"
    parts = [_recurring(part) for part in timing.recurring] + _weekly(timing.weekly)
    elapsed = timing.recurring and all(part.unit.seconds for part in timing.recurring) and not timing.weekly
    return _listed(parts, 6) + ("" if elapsed else f" ({timing.zone})")


def _recurring(part: Recurring) -> str:
    unit = part.unit.value
    every = f"every {unit[:-1]}" if part.every == 1 else f"every {part.every} {unit}"
    return every if part.start is None else f"{every} at {clock(part.start)}"


def _weekly(parts: tuple[Weekly, ...]) -> list[str]:
    """Groups the days by their times: `every Monday and Friday at 08:00`."""
    by_time: dict[tuple[int, int | None], list[int | None]] = {}
    for part in parts:
        by_time.setdefault((part.start, part.stop), []).append(part.day)
    times = []
    for (start, stop), days in by_time.items():
        named = [WEEKDAYS[day] for day in sorted({day for day in days if day is not None})]
        which = "every day" if None in days or len(named) == len(WEEKDAYS) else f"every {_listed(named, 7)}"
        times.append(f"{which} at {clock(start)}" + ("" if stop is None else f" to {clock(stop)}"))
    return times


def _listed(words: list[str], most: int) -> str:
    if len(words) > most:
        return ", ".join(words[:most]) + f" and {len(words) - most} more"
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def clock(seconds: int) -> str:
    """A time of day: `21:30`, with seconds if they are not 0."""
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours:02}:{minutes:02}" + (f":{rest:02}" if rest else "")


def moment(instant: int, zone: tzinfo) -> str:
    """A moment in a zone: `Tuesday, 24 November 2026 at 21:30`."""
    local = _at(instant).astimezone(zone)
    return f"{WEEKDAYS[local.weekday()]}, {local.day} {local:%B %Y} at {local:%H:%M}" + (
        f":{local.second:02}" if local.second else ""
    )


def span(micros: int) -> str:
    """A length of time in its two largest units: `3 h 20 min`."""
    seconds = micros // SECOND
    units = (("d", DAY), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {name}")
            seconds %= size
    return " ".join(parts[:2]) or "less than 1 s"


def _at(instant: int) -> datetime:
    """Returns the instant, or one a day from the end of the calendar: any zone can be a day ahead or behind."""
    return EPOCH + timedelta(microseconds=min(max(instant, _FIRST_DAY), _LAST_DAY))
