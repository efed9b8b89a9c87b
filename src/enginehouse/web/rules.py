"""The filters in an address: of the list of jobs, and of an act on many of them. Each may be there several times."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from enginehouse.domain import times
from enginehouse.domain.errors import InvalidInput, Problem, unknown_word
from enginehouse.domain.ids import job_graphql, parse_job, parse_number, parse_schedule
from enginehouse.domain.job import JobFilter
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines
from enginehouse.web.page_request import PageRequest

Pairs = tuple[tuple[str, str], ...]
"""The names and values of the filters that are set, in the order of the address."""

TIMES: Final = {
    "created-after": "created_from",
    "created-before": "created_to",
    "changed-after": "modified_from",
    "changed-before": "modified_to",
}
SEVERAL: Final = ("status", "engine", "failure", "schedule", "job")
NAMES: Final = (*SEVERAL, "name", "target", "paused", *TIMES)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, and the address of the list without it."""

    name: str
    value: str
    without: str


def given(items: Iterable[tuple[str, str]]) -> Pairs:
    """Returns the filters among the parameters of an address, each once."""
    found = [(name, text) for name, value in items if name in NAMES and (text := value.strip())]
    single = {name: text for name, text in found if name not in SEVERAL}
    return tuple(dict.fromkeys((name, single.get(name, text)) for name, text in found))


def of_text(text: str) -> Pairs:
    """Returns the filters in the text of an address."""
    return given(parse_qsl(text))


def text_of(pairs: Pairs) -> str:
    """Returns the filters as the text of an address."""
    return urlencode(pairs)


def address(path: str, pairs: Pairs, **more: str) -> str:
    """Returns the address of a page with these filters."""
    text = urlencode([*pairs, *more.items()])
    return f"{path}?{text}" if text else path


def chips(pairs: Pairs) -> list[Chip]:
    """Returns a chip for each filter."""
    return [
        Chip(name.replace("-", " "), value, address("/jobs", tuple(each for each in pairs if each != (name, value))))
        for name, value in pairs
    ]


def job_filter(request: PageRequest, pairs: Pairs) -> JobFilter:
    """Returns the filter. Raises InvalidInput with everything that is no filter."""
    values = {name: tuple(value for one, value in pairs if one == name) for name in NAMES}
    problems = [
        *(unknown_word("status", word, JobStatus) for word in values["status"] if word not in set(JobStatus)),
        *(unknown_word("failure", word, FailureKind) for word in values["failure"] if word not in set(FailureKind)),
    ]
    bounds = {field: _moment(name, values[name], problems) for name, field in TIMES.items()}
    if problems:
        raise InvalidInput(problems)
    return JobFilter(
        statuses=tuple(map(JobStatus, values["status"])),
        engine_ids=tuple(_engine(request, text) for text in values["engine"]),
        failure_reasons=values["failure"],
        paused=bool(values["paused"]),
        name=next(iter(values["name"]), None),
        ids=_found(values["job"], parse_job),
        schedule_ids=_found(values["schedule"], parse_schedule),
        target_id=next((parse_number(text) or 0 for text in values["target"]), None),
        **bounds,  # type: ignore[arg-type]
    )


def pairs_of(rule: JobFilter) -> Pairs:
    """Returns the filters of a rule that was stored, as an address has them."""
    moments = {name: getattr(rule, field) for name, field in TIMES.items()}
    return (
        *(("status", status.value) for status in rule.statuses),
        *(("engine", engine) for engine in rule.engine_ids),
        *(("failure", reason) for reason in rule.failure_reasons),
        *((("paused", "yes"),) if rule.paused else ()),
        *((("name", rule.name),) if rule.name else ()),
        *(("job", job_graphql(one)) for one in rule.ids or ()),
        *(("schedule", str(one)) for one in rule.schedule_ids or ()),
        *((("target", str(rule.target_id)),) if rule.target_id is not None else ()),
        *((name, times.rest(at)) for name, at in moments.items() if at is not None),
    )


def _moment(name: str, values: Sequence[str], problems: list[Problem]) -> int | None:
    if not values:
        return None
    try:
        return times.upper_bound(values[0]) if name.endswith("before") else times.moment(values[0])
    except times.DateTimeError as fault:
        problems.append(Problem(name, str(fault)))
        return None


def _found(texts: Sequence[str], parse: Callable[[str], int | None]) -> tuple[int, ...] | None:
    """Returns the ids, None if there is no such filter. A text that is no id matches nothing."""
    return tuple(one for text in texts if (one := parse(text)) is not None) if texts else None


def _engine(request: PageRequest, text: str) -> str:
    known = engines.find(request.house, request.principal, text)
    return known.spec.id if known else text
