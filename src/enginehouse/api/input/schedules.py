"""A scheduled job as clients of both interfaces describe it, in the fields of the GraphQL inputs, as the request that
operations take. Nothing is judged here but words and numbers that mean nothing.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from msgspec import UNSET, UnsetType

from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.ids import parse_number
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest, WeeklyPart
from enginehouse.domain.schedules.timing import CatchUp, Fold, Gap, Overlap, RunMode, Unit

W = TypeVar("W", bound=StrEnum)
Input = Mapping[str, Any]

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KEPT: Final = ("details", "detailsSchemaId", "affiliates")


def schedule_request(given: Input) -> tuple[ScheduleRequest, list[Problem]]:
    """The request, and what of it cannot be read. A field that is not there leaves the schedule as it is.

    Moments are µs UTC already; what may be taken away is taken away by null, and null leaves everything else alone.
    """
    found = list[Problem]()
    policy = given.get("dstPolicy") or {}
    request = ScheduleRequest(
        name=_set(given.get("name")),
        description=given.get("description", UNSET),
        run_mode=_word(RunMode, given.get("runMode"), "runMode", found),
        is_active=_set(given.get("isActive")),
        is_public=_set(given.get("isPublic")),
        start_at=given.get("startDateTime", UNSET),
        stop_at=given.get("stopDateTime", UNSET),
        recurring=_parts(given, "recurringScheduleParts", _recurring, found),
        weekly=_parts(given, "weeklyScheduleParts", _weekly, found),
        cron=given.get("cron", UNSET),
        zone=given.get("timeZone", UNSET),
        gap=_word(Gap, policy.get("gap"), "dstPolicy.gap", found),
        fold=_word(Fold, policy.get("fold"), "dstPolicy.fold", found),
        excluded=UNSET if given.get("excludedDates") is None else tuple(given["excludedDates"]),
        overlap=_word(Overlap, given.get("overlapPolicy"), "overlapPolicy", found),
        catch_up=_word(CatchUp, given.get("catchUp"), "catchUp", found),
        most=_set(given.get("catchUpLimit")),
        jitter_seconds=_set(given.get("jitterSeconds")),
        source_id=_source(given, found),
        document={name: given[name] for name in _KEPT if name in given},
    )
    return request, found


def named(given: Input, name: str, parse: Callable[[str], int | None], problems: list[Problem]) -> list[int] | None:
    """The ids in the list `name`, None where there is no list. One that names nothing is a problem."""
    texts = given.get(name)
    if texts is None:
        return None
    known = list[int]()
    for number, text in enumerate(texts):
        if (found := parse(text)) is None:
            problems.append(Problem(f"{name}[{number}]", f"{excerpt(text)} was not found.", excerpt(text)))
        else:
            known.append(found)
    return known


def _set(value: Any) -> Any:
    return UNSET if value is None else value


def _word(words: type[W], given: str | None, path: str, problems: list[Problem]) -> W | UnsetType:
    """The word in either spelling, `Recurring` or `recurring`."""
    if given is None:
        return UNSET
    for word in words:
        if given in (word.value, word.value.capitalize()):
            return word
    allowed = "one of " + ", ".join(word.value.capitalize() if words in (RunMode, Unit) else word for word in words)
    problems.append(Problem(path, f"{allowed}, got {excerpt(given)}.", excerpt(given), allowed))
    return UNSET


def _parts(given: Input, name: str, read: Callable[[Input, str, list[Problem]], Any], problems: list[Problem]) -> Any:
    parts = given.get(name)
    if parts is None:
        return UNSET
    return tuple(read(part, f"{name}[{number}]", problems) for number, part in enumerate(parts))


def _recurring(part: Input, path: str, problems: list[Problem]) -> RecurringPart:
    unit = _word(Unit, part.get("repeatIntervalUnit"), f"{path}.repeatIntervalUnit", problems)
    return RecurringPart(
        unit=Unit.HOURS if unit is UNSET else unit,
        every=part.get("repeatInterval"),
        start=part.get("startTime"),
        duration_seconds=part.get("durationSeconds"),
    )


def _weekly(part: Input, path: str, problems: list[Problem]) -> WeeklyPart:
    day, wanted = None, part.get("scheduledDay")
    if wanted is not None:
        if (word := str(wanted).capitalize()) in DAYS:
            day = DAYS.index(word)
        else:
            allowed = "one of " + ", ".join(DAYS)
            problems.append(
                Problem(f"{path}.scheduledDay", f"{allowed}, got {excerpt(wanted)}.", excerpt(wanted), allowed)
            )
    return WeeklyPart(day=day, start=part.get("startTime"), stop=part.get("stopTime"))


def _source(given: Input, problems: list[Problem]) -> int | UnsetType | None:
    """The primary source, a field of ours; a source has a number."""
    if "primarySourceId" not in given:
        return UNSET
    if given["primarySourceId"] is None:
        return None
    text = str(given["primarySourceId"])
    if (source_id := parse_number(text)) is not None:
        return source_id
    problems.append(Problem("primarySourceId", f"{excerpt(text)} was not found.", excerpt(text)))
    return UNSET
