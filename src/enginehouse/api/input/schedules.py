"""Translates the fields of a scheduled job, which clients of both interfaces give under the names of the GraphQL
inputs, into the request that operations take.

It checks only words and numbers that it cannot read.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from msgspec import UNSET, UnsetType

from enginehouse.domain.errors import Problem, excerpt, unknown_word
from enginehouse.domain.ids import NUMBER_FORM, parse_number
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest, WeeklyPart
from enginehouse.domain.schedules.timing import CatchUp, Fold, Gap, Overlap, RunMode, Unit
from enginehouse.operations.references import not_found

W = TypeVar("W", bound=StrEnum)
Input = Mapping[str, Any]

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KEPT: Final = ("details", "detailsSchemaId", "affiliates")


def schedule_request(fields: Input) -> tuple[ScheduleRequest, list[Problem]]:
    """Returns the request and the fields that cannot be read. An absent field does not change the schedule.

    Moments are already µs UTC. Null removes an optional value, and does not change any other field.
    """
    problems = list[Problem]()
    policy = fields.get("dstPolicy") or {}
    request = ScheduleRequest(
        name=_set(fields.get("name")),
        description=fields.get("description", UNSET),
        run_mode=_word(RunMode, fields.get("runMode"), "runMode", problems),
        is_active=_set(fields.get("isActive")),
        is_public=_set(fields.get("isPublic")),
        start_at=fields.get("startDateTime", UNSET),
        stop_at=fields.get("stopDateTime", UNSET),
        recurring=_parts(fields, "recurringScheduleParts", _recurring, problems),
        weekly=_parts(fields, "weeklyScheduleParts", _weekly, problems),
        cron=fields.get("cron", UNSET),
        zone=fields.get("timeZone", UNSET),
        gap=_word(Gap, policy.get("gap"), "dstPolicy.gap", problems),
        fold=_word(Fold, policy.get("fold"), "dstPolicy.fold", problems),
        excluded=UNSET if fields.get("excludedDates") is None else tuple(fields["excludedDates"]),
        overlap=_word(Overlap, fields.get("overlapPolicy"), "overlapPolicy", problems),
        catch_up=_word(CatchUp, fields.get("catchUp"), "catchUp", problems),
        most=_set(fields.get("catchUpLimit")),
        jitter_seconds=_set(fields.get("jitterSeconds")),
        source_id=_source(fields, problems),
        document={name: fields[name] for name in _KEPT if name in fields},
    )
    return request, problems


def named(
    fields: Input, name: str, parse: Callable[[str], int | None], problems: list[Problem], *, form: str
) -> list[int] | None:
    """Returns the ids in the list `name`, None if there is no list. A text that is not of the form is a problem."""
    texts = fields.get(name)
    if texts is None:
        return None
    named_ids = list[int]()
    for number, text in enumerate(texts):
        if (named_id := parse(text)) is None:
            problems.append(Problem(f"{name}[{number}]", f"{excerpt(text)} was not found.", excerpt(text), form))
        else:
            named_ids.append(named_id)
    return named_ids


def _set(value: Any) -> Any:
    return UNSET if value is None else value


def _word(words: type[W], text: str | None, path: str, problems: list[Problem]) -> W | UnsetType:
    """Returns the word, which may be spelled `Recurring` or `recurring`."""
    if text is None:
        return UNSET
    for word in words:
        if text in (word.value, word.value.capitalize()):
            return word
    allowed = [word.value.capitalize() if words in (RunMode, Unit) else word for word in words]
    problems.append(unknown_word(path, text, allowed))
    return UNSET


def _parts(fields: Input, name: str, read: Callable[[Input, str, list[Problem]], Any], problems: list[Problem]) -> Any:
    parts = fields.get(name)
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
    day, text = None, part.get("scheduledDay")
    if text is not None:
        if (word := str(text).capitalize()) in DAYS:
            day = DAYS.index(word)
        else:
            problems.append(unknown_word(f"{path}.scheduledDay", text, DAYS))
    return WeeklyPart(day=day, start=part.get("startTime"), stop=part.get("stopTime"))


def _source(fields: Input, problems: list[Problem]) -> int | UnsetType | None:
    """Returns the number of the primary source."""
    if "primarySourceId" not in fields:
        return UNSET
    if fields["primarySourceId"] is None:
        return None
    text = str(fields["primarySourceId"])
    if (source_id := parse_number(text)) is not None:
        return source_id
    problems.append(not_found("primarySourceId", text, NUMBER_FORM))
    return UNSET
