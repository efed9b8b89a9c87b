"""The form of a schedule: its fields as a person writes them, and the request that they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from enginehouse.domain import ids
from enginehouse.domain.errors import Problem, excerpt, unknown_word
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.schedules.description import clock
from enginehouse.domain.schedules.human_time import DAYS, Rhythm, UnclearTime, length, moment, rhythm
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import EPOCH, CatchUp, Overlap, RunMode, Timing
from enginehouse.domain.schedules.zones import UnknownZone, zone_of
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import templates
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.operations.schedules.schedule_overview import ScheduleContents
from enginehouse.web.page_request import PageRequest

BLANK: Final[Mapping[str, str]] = {
    "name": "", "description": "", "mode": RunMode.RECURRING, "every": "", "cron": "", "zone": "UTC", "start": "",
    "stop": "", "excluded": "", "overlap": Overlap.ALLOW, "catch_up": CatchUp.LAST, "jitter": "", "engine": "",
    "payload": "", "templates": "", "pipelines": "", "pipeline": "", "input": "", "media_type": "",
}  # fmt: skip
# Where a person finds the fields that operations name.
_PLACES: Final = {
    "name": "name", "description": "description", "runMode": "mode", "recurringScheduleParts": "every",
    "weeklyScheduleParts": "every", "cron": "cron", "timeZone": "zone", "startDateTime": "start",
    "stopDateTime": "stop", "excludedDates": "excluded", "jitterSeconds": "jitter", "jobTemplateIds": "templates",
    "jobPipelineIds": "pipelines", "jobTemplates": "engine", "primarySourceId": "templates", "url": "input",
    "mediaType": "media_type",
}  # fmt: skip

OPTIONS: Final = {
    "mode": {
        RunMode.RECURRING: "at its times",
        RunMode.ONCE: "only when it is launched by hand",
        RunMode.NOW: "once, now",
        RunMode.CONTINUOUS: "one run after the other",
    },
    "overlap": {
        Overlap.ALLOW: "start the next one beside it",
        Overlap.SKIP: "skip the next one",
        Overlap.QUEUE: "let the next one wait",
        Overlap.REPLACE: "stop it and start the next one",
    },
    "catch_up": {
        CatchUp.LAST: "run once, for the last of them",
        CatchUp.NONE: "do not run",
        CatchUp.ALL: "run for each of them",
    },
}
"""The words of which one is chosen, and what they mean."""


@dataclass(frozen=True, slots=True)
class ScheduleForm:
    """What the fields mean, and what is wrong with them; the paths of these problems are names of fields."""

    request: ScheduleRequest
    selection: LaunchSelection
    problems: list[Problem] = field(default_factory=list)


def fields_of(form: Mapping[str, str]) -> dict[str, str]:
    """Returns the fields that were sent, without spaces around them."""
    return {name: form.get(name, default).strip() for name, default in BLANK.items()}


def fields_for(schedule: Schedule, contents: ScheduleContents) -> dict[str, str]:
    """Returns the fields as they describe the schedule."""
    timing, zone = schedule.timing, zone_of(schedule.timing.zone)
    return {
        **BLANK,
        "name": schedule.name,
        "description": schedule.description or "",
        "mode": schedule.run_mode,
        "every": rhythm_text(timing),
        "cron": timing.cron or "",
        "zone": timing.zone,
        "start": _local(schedule.start_at, zone),
        "stop": _local(schedule.stop_at, zone),
        "excluded": ", ".join(sorted(timing.excluded)),
        "overlap": schedule.rules.overlap,
        "catch_up": schedule.rules.catch_up,
        "jitter": f"{schedule.rules.jitter_seconds} s" if schedule.rules.jitter_seconds else "",
        "templates": ", ".join(map(ids.job_graphql, contents.templates)),
        "pipelines": ", ".join(map(ids.pipeline_uuid, contents.pipelines)),
    }


def rhythm_text(timing: Timing) -> str:
    """Returns the parts of the calendar as a person writes them, one in each line."""
    lines = [
        f"{part.every} {part.unit}" + ("" if part.start is None else f" at {clock(part.start)}")
        for part in timing.recurring
    ]
    for each in timing.weekly:
        days = ", ".join(DAYS) if each.day is None else DAYS[each.day]
        lines.append(f"{days} at {clock(each.start)}" + ("" if each.stop is None else f" to {clock(each.stop)}"))
    return "\n".join(lines)


def read(request: PageRequest, given: Mapping[str, str], now: int, before: Schedule | None = None) -> ScheduleForm:
    """Returns what the fields mean. The calendar of the schedule `before` stays if its text has not changed."""
    problems = list[Problem]()
    keeps = before is not None and (given["every"], given["cron"]) == _calendar(before.timing)
    parts = Rhythm() if keeps else _rhythm(given["every"], problems)
    zone = _zone(given["zone"], problems)
    wanted = ScheduleRequest(
        name=given["name"],
        description=given["description"] or None,
        run_mode=_word(RunMode, "mode", given, problems),
        start_at=_moment("start", given, zone, now, problems),
        stop_at=_moment("stop", given, zone, now, problems),
        recurring=UNSET if keeps else parts.recurring,
        weekly=UNSET if keeps else parts.weekly,
        cron=UNSET if keeps else given["cron"] or None,
        zone=given["zone"],
        excluded=tuple(given["excluded"].replace(",", " ").split()),
        overlap=_word(Overlap, "overlap", given, problems),
        catch_up=_word(CatchUp, "catch_up", given, problems),
        jitter_seconds=_length("jitter", given, problems),
    )
    return ScheduleForm(wanted, _selection(request, given, problems), problems)


def places(problems: Sequence[Problem]) -> dict[str, str]:
    """Returns the sentences by field; those that are about no field are at "form"."""
    found: dict[str, str] = {}
    for each in problems:
        whole = each.path.partition("[")[0].partition(".")[0]
        place = "payload" if "payload" in each.path else _PLACES.get(whole, whole if whole in BLANK else "form")
        said = each.text[:1].upper() + each.text[1:]
        found[place] = f"{found[place]} {said}" if place in found else said
    return found


def _calendar(timing: Timing) -> tuple[str, str]:
    return rhythm_text(timing), timing.cron or ""


def _rhythm(text: str, problems: list[Problem]) -> Rhythm:
    recurring, weekly = list[Any](), list[Any]()
    for line in text.replace("\r", "").split("\n"):
        if not line.strip():
            continue
        try:
            parts = rhythm(line)
        except UnclearTime as unclear:
            problems.append(Problem("every", str(unclear)))
            continue
        recurring += parts.recurring
        weekly += parts.weekly
    if recurring and weekly:
        problems.append(Problem("every", "name either intervals or days of the week, not both."))
        return Rhythm(tuple(recurring))
    return Rhythm(tuple(recurring), tuple(weekly))


def _zone(name: str, problems: list[Problem]) -> ZoneInfo:
    try:
        return zone_of(name)
    except UnknownZone as unknown:
        problems.append(Problem("zone", str(unknown)))
        return zone_of("UTC")


def _moment(name: str, given: Mapping[str, str], zone: ZoneInfo, now: int, problems: list[Problem]) -> int | None:
    if not given[name]:
        return None
    try:
        return moment(given[name], zone, EPOCH + timedelta(microseconds=now))
    except (UnclearTime, OverflowError) as unclear:
        problems.append(Problem(name, str(unclear)))
        return None


def _length(name: str, given: Mapping[str, str], problems: list[Problem]) -> int:
    try:
        return length(given[name]) if given[name] else 0
    except UnclearTime as unclear:
        problems.append(Problem(name, str(unclear)))
        return 0


def _word(words: Any, name: str, given: Mapping[str, str], problems: list[Problem]) -> Any | UnsetType:
    if given[name] in set(words):
        return words(given[name])
    problems.append(unknown_word(name, given[name], words))
    return UNSET


def _selection(request: PageRequest, given: Mapping[str, str], problems: list[Problem]) -> LaunchSelection:
    fresh = _template(request, given, problems)
    by_template = _ids("templates", given, ids.parse_job, problems)
    by_pipeline = _ids("pipelines", given, ids.parse_pipeline, problems)
    if not (fresh or by_template or by_pipeline or given["pipeline"] or problems):
        problems.append(Problem("pipeline", "choose what the schedule runs: a pipeline, an engine or job templates."))
    return LaunchSelection(template_ids=by_template, pipeline_ids=by_pipeline, fresh=fresh)


def _template(request: PageRequest, given: Mapping[str, str], problems: list[Problem]) -> tuple[JobTemplate, ...]:
    """Returns the template of one task of the chosen engine, if one is chosen."""
    try:
        payload = msgspec.json.decode(given["payload"]) if given["payload"] else None
    except msgspec.DecodeError as fault:
        problems.append(Problem("payload", f"this is no JSON: {fault}."))
        return ()
    if not given["engine"]:
        if given["payload"]:
            problems.append(Problem("payload", "a payload goes with an engine; choose one."))
        return ()
    made = templates.new(request.principal, tasks=[TaskRequest(engine_id=given["engine"], payload=payload)])
    problems += templates.problems(request.house, request.principal, made, "jobTemplates[0].")
    return (made,)


def _ids(name: str, given: Mapping[str, str], parse: Any, problems: list[Problem]) -> list[int]:
    found = list[int]()
    for text in given[name].replace(",", " ").split():
        if (number := parse(text)) is None:
            problems.append(Problem(name, f"there is no {excerpt(text)}."))
        else:
            found.append(number)
    return found


def _local(micros: int | None, zone: ZoneInfo) -> str:
    if micros is None:
        return ""
    return (EPOCH + timedelta(microseconds=micros)).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
