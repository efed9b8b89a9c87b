"""A request for a scheduled job, and everything that can be wrong with it. Pure.

The fields of one request are checked only against each other. An update leaves the fields that it does not name.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import UNSET, UnsetType

from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.cron import FIELDS, field_fault
from enginehouse.domain.schedules.timing import (
    DAY,
    EPOCH,
    MOST_CATCH_UP,
    CatchUp,
    Fold,
    Gap,
    Overlap,
    Recurring,
    Rules,
    RunMode,
    Timing,
    Unit,
    Weekly,
)
from enginehouse.domain.schedules.zones import UnknownZone, zone_of
from enginehouse.domain.times import SECOND, graphql_millis

LONGEST_INTERVAL: Final = 10 * 366 * DAY  # seconds
MOST_PARTS: Final = 1000
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.0+)?)?")
_FAR: Final = 10 * 366 * DAY * SECOND


class RecurringPart(msgspec.Struct, frozen=True, kw_only=True):
    """`recurringScheduleParts[n]` as a client wrote it."""

    unit: Unit
    every: Any = None
    start: str | None = None
    duration_seconds: int | None = None


class WeeklyPart(msgspec.Struct, frozen=True, kw_only=True):
    """`weeklyScheduleParts[n]` as a client wrote it; `day` counts from Monday = 0."""

    day: int | None = None
    start: str | None = None
    stop: str | None = None


class ScheduleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The client's settings for a scheduled job. UNSET keeps the old value or the default. Times in µs UTC."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    run_mode: RunMode | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET
    start_at: int | UnsetType | None = UNSET
    stop_at: int | UnsetType | None = UNSET
    recurring: tuple[RecurringPart, ...] | UnsetType = UNSET
    weekly: tuple[WeeklyPart, ...] | UnsetType = UNSET
    cron: str | UnsetType | None = UNSET
    zone: str | UnsetType | None = UNSET
    gap: Gap | UnsetType = UNSET
    fold: Fold | UnsetType = UNSET
    excluded: tuple[str, ...] | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    catch_up: CatchUp | UnsetType = UNSET
    most: int | UnsetType = UNSET
    jitter_seconds: int | UnsetType = UNSET
    source_id: int | UnsetType | None = UNSET
    document: dict[str, Any] = {}  # merged over the stored document: details, affiliates …


class ScheduleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When and how a schedule runs, after a request is merged over its previous settings."""

    run_mode: RunMode = RunMode.ONCE
    is_active: bool = True
    start_at: int | None = None
    stop_at: int | None = None
    timing: Timing = Timing()
    rules: Rules = Rules()


def read(
    request: ScheduleRequest, before: ScheduleSettings, *, now: int, default_zone: str = "UTC"
) -> tuple[ScheduleSettings, list[Problem]]:
    """Returns the settings that the request would give the schedule, and every problem of the request."""
    problems = list[Problem]()
    mode = _or_before(request.run_mode, before.run_mode)
    start = _or_before(request.start_at, before.start_at)
    stop = _or_before(request.stop_at, before.stop_at)
    settings = ScheduleSettings(
        run_mode=mode,
        is_active=_or_before(request.is_active, before.is_active),
        start_at=start,
        stop_at=stop,
        timing=_timing(request, before.timing, default_zone, problems),
        rules=_rules(request, before.rules, problems),
    )
    problems += _parts(request, settings)
    if start is not None and stop is not None and stop <= start:
        text = f"{graphql_millis(stop)} must be after startDateTime ({graphql_millis(start)})."
        problems.append(Problem("stopDateTime", text, str(stop)))
    elif not problems:
        problems += _never(settings, request, now)
    return settings, problems


def _or_before(value: Any, before: Any) -> Any:
    return before if value is UNSET else value


def _timing(request: ScheduleRequest, before: Timing, default_zone: str, problems: list[Problem]) -> Timing:
    parts = (request.recurring, request.weekly, request.cron)
    replaced = any(part is not UNSET for part in parts)
    zone = before.zone if request.zone is UNSET else request.zone or default_zone
    try:
        zone_of(zone)
    except UnknownZone as unknown:
        problems.append(Problem("timeZone", str(unknown), zone))
        zone = before.zone
    recurring = weekly = ()  # type: tuple[Any, ...]
    cron = None
    if replaced:
        recurring = tuple(_recurring_part(n, part, problems) for n, part in enumerate(request.recurring or ()))
        weekly = tuple(_weekly_part(n, part, problems) for n, part in enumerate(request.weekly or ()))
        cron = _cron(request.cron, problems) if isinstance(request.cron, str) else None
    else:
        recurring, weekly, cron = before.recurring, before.weekly, before.cron
    return Timing(
        recurring=recurring,
        weekly=weekly,
        cron=cron,
        zone=zone,
        gap=_or_before(request.gap, before.gap),
        fold=_or_before(request.fold, before.fold),
        excluded=before.excluded if request.excluded is UNSET else _excluded(request.excluded, problems),
    )


def _recurring_part(number: int, part: RecurringPart, problems: list[Problem]) -> Recurring:
    path = f"recurringScheduleParts[{number}]"
    every = part.every
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        text = f"integer ≥ 1, got {excerpt(every)}; the shortest allowed period is 1 s."
        problems.append(Problem(f"{path}.repeatInterval", text, excerpt(every), "1 or more"))
        every = 1
    elif every * _seconds(part.unit) > LONGEST_INTERVAL:
        text = f"{every} {part.unit} is longer than ten years; this schedule would never fire."
        problems.append(Problem(f"{path}.repeatInterval", text, excerpt(every)))
    if part.unit is Unit.DAYS and part.start is None:
        problems.append(Problem(f"{path}.startTime", "is required when repeatIntervalUnit is Days."))
    if part.duration_seconds is not None and part.duration_seconds < 0:
        text = f"0 or more, got {part.duration_seconds}."
        problems.append(Problem(f"{path}.durationSeconds", text, str(part.duration_seconds)))
    start = _time(f"{path}.startTime", part.start, problems)
    return Recurring(part.unit, every, start, part.duration_seconds)


def _seconds(unit: Unit) -> int:
    calendar = {Unit.DAYS: DAY, Unit.WEEKS: 7 * DAY, Unit.MONTHS: 31 * DAY}
    return unit.seconds or calendar[unit]


def _weekly_part(number: int, part: WeeklyPart, problems: list[Problem]) -> Weekly:
    path = f"weeklyScheduleParts[{number}]"
    start = _time(f"{path}.startTime", part.start, problems) or 0
    stop = _time(f"{path}.stopTime", part.stop, problems)
    return Weekly(part.day, start, stop)


def seconds_of_day(text: str) -> int | None:
    """Returns the seconds since midnight for HH:MM or HH:MM:SS; None for any other text."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = match.groups("0")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _time(path: str, text: str | None, problems: list[Problem]) -> int | None:
    """Returns the seconds since midnight; None without a text, or for an invalid text, which it reports."""
    if text is None or (seconds := seconds_of_day(text)) is not None:
        return None if text is None else seconds
    problems.append(
        Problem(path, f"HH:MM or HH:MM:SS (24 h), got {excerpt(text)}.", excerpt(text), "HH:MM or HH:MM:SS")
    )
    return None


def _excluded(dates: Sequence[str], problems: list[Problem]) -> frozenset[str]:
    for number, text in enumerate(dates):
        try:
            if date.fromisoformat(text).isoformat() != text:
                raise ValueError
        except ValueError:
            problems.append(
                Problem(f"excludedDates[{number}]", f"a date like 2026-12-24, got {excerpt(text)}.", excerpt(text))
            )
    return frozenset(dates)


def _cron(line: str, problems: list[Problem]) -> str:
    fields = line.split()
    if len(fields) != 5:
        text = f"five fields (minute hour day month weekday), got {len(fields)}: {excerpt(line)}."
        problems.append(Problem("cron", text, excerpt(line)))
        return line
    for number, field in enumerate(fields, 1):
        if (fault := field_fault(number, field)) is not None:
            problems.append(Problem("cron", fault, excerpt(line), FIELDS[number - 1][1]))
    if not any(problem.path == "cron" for problem in problems):
        try:
            fires = next(iter(CronSim(line, EPOCH)), None) is not None
        except CronSimError:
            fires = False
        if not fires:
            problems.append(Problem("cron", f"{excerpt(line)} never fires.", excerpt(line)))
    return line


def _rules(request: ScheduleRequest, before: Rules, problems: list[Problem]) -> Rules:
    most, jitter = _or_before(request.most, before.most), _or_before(request.jitter_seconds, before.jitter_seconds)
    if not 1 <= most <= MOST_CATCH_UP:
        text = f'1–{MOST_CATCH_UP} runs, got {most}. Use "last" to catch up with one run only.'
        problems.append(Problem("catchUpLimit", text, str(most), f"1–{MOST_CATCH_UP}"))
    if not 0 <= jitter <= DAY:
        problems.append(Problem("jitterSeconds", f"0–{DAY}, got {jitter}.", str(jitter), f"0–{DAY}"))
    return Rules(
        overlap=_or_before(request.overlap, before.overlap),
        catch_up=_or_before(request.catch_up, before.catch_up),
        most=most,
        jitter_seconds=jitter,
    )


def _parts(request: ScheduleRequest, settings: ScheduleSettings) -> list[Problem]:
    """Checks the parts against the run mode, as far as the same request names them."""
    named = {
        "recurringScheduleParts": request.recurring,
        "weeklyScheduleParts": request.weekly,
        "cron": request.cron,
    }
    parts = [name for name, value in named.items() if value is not UNSET and value]
    if len(parts) > 1:
        text = f"Give exactly one of recurringScheduleParts, weeklyScheduleParts, cron; got {', '.join(parts)}."
        return [Problem("", text)]
    problems = [
        Problem(name, f"must have at most {MOST_PARTS} parts.")
        for name, value in named.items()
        if isinstance(value, tuple) and len(value) > MOST_PARTS
    ]
    match settings.run_mode:
        case RunMode.RECURRING if not settings.timing.has_parts():
            text = "Recurring needs recurringScheduleParts, weeklyScheduleParts or cron."
            problems.append(Problem("runMode", text))
        case RunMode.RECURRING:
            pass
        case RunMode.ONCE | RunMode.NOW | RunMode.CONTINUOUS as mode if request.run_mode is not UNSET:
            word = mode.capitalize()
            problems += [Problem("", f"runMode {word} does not take {name}.") for name in parts]
            if mode is RunMode.NOW and isinstance(request.start_at, int):
                problems.append(Problem("", "runMode Now does not take startDateTime."))
        case RunMode.ONCE | RunMode.NOW | RunMode.CONTINUOUS:
            pass
    return problems


def _never(settings: ScheduleSettings, request: ScheduleRequest, now: int) -> list[Problem]:
    """Refuses an active schedule that could never fire, if the request changes when it fires."""
    about = (request.start_at, request.stop_at, request.recurring, request.weekly, request.cron, request.run_mode)
    if not settings.is_active or settings.run_mode is RunMode.ONCE or all(each is UNSET for each in about):
        return []
    if settings.stop_at is not None and settings.stop_at <= now:
        return [Problem("stopDateTime", "is in the past; this schedule would never fire.", str(settings.stop_at))]
    if settings.run_mode is not RunMode.RECURRING:
        return []
    begin = settings.start_at if settings.start_at is not None else now
    first = next(slots(settings.timing, anchor=begin, after=max(now, begin - 1)), None)
    if first is None or first > now + 2 * _FAR or (settings.stop_at is not None and first > settings.stop_at):
        path = "stopDateTime" if settings.stop_at is not None else "startDateTime"
        return [Problem(path, "this schedule would never fire.")]
    return []
