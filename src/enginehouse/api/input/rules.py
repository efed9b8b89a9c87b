"""The rule of an act on many jobs, whose fields have the same names in all interfaces."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from enginehouse.api.input import refs
from enginehouse.api.input.refs import IdForm
from enginehouse.domain import bulk_acts
from enginehouse.domain.errors import InvalidInput, Problem, excerpt, unknown_word
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import parse_job, parse_number, parse_schedule
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus
from enginehouse.operations import engines
from enginehouse.operations.house import House

Times = Mapping[str, int | None]
"""The bounds of a rule in µs UTC, by the names of the filter: `created_from`, `created_to`, and of the last change."""

_WORDS: Final = tuple(JobStatus)


def job_rule(
    house: House, principal: Principal, fields: Mapping[str, Any], times: Times, found: list[Problem]
) -> JobFilter:
    """Returns the rule in these fields. Raises InvalidInput with all problems, also those that were `found` before."""
    problems = list(found)
    target = _ids(fields, "target", parse_number, refs.NUMBER, problems)
    rule = JobFilter(
        statuses=_statuses(fields.get("statuses") or (), problems),
        ids=_ids(fields, "jobs", parse_job, refs.JOB, problems),
        engine_ids=tuple(_engine(house, principal, text) for text in fields.get("engines") or ()),
        failure_reasons=tuple(fields.get("failures") or ()),
        paused=bool(fields.get("paused")),
        name=fields.get("name"),
        schedule_ids=_ids(fields, "schedules", parse_schedule, refs.NUMBER_OR_UUID, problems),
        target_id=None if target is None else next(iter(target), 0),
        **times,  # type: ignore[arg-type]
    )
    problems += bulk_acts.problems(rule) if not problems else ()
    if problems:
        raise InvalidInput(problems)
    return rule


def _statuses(words: Any, problems: list[Problem]) -> tuple[JobStatus, ...]:
    problems += [
        unknown_word(f"rule.statuses[{n}]", word, _WORDS) for n, word in enumerate(words) if word not in _WORDS
    ]
    return tuple(JobStatus(word) for word in words if word in _WORDS)


def _ids(
    fields: Mapping[str, Any], name: str, parse: Callable[[str], int | None], form: IdForm, problems: list[Problem]
) -> tuple[int, ...] | None:
    """Returns the ids in the field, None without it. A text of the right form that is no id matches nothing."""
    given = fields.get(name)
    if given is None:
        return None
    texts = [given] if isinstance(given, str) else given
    for number, text in enumerate(texts):
        if not form.pattern.fullmatch(text):
            path = f"rule.{name}" if texts is not given else f"rule.{name}[{number}]"
            problems.append(Problem(path, f"{form.words}, got {excerpt(text)}.", excerpt(text), form.words))
    return tuple(one for text in texts if (one := parse(text)) is not None)


def _engine(house: House, principal: Principal, text: str) -> str:
    """Returns the id of the engine with this id, alias or slug. What is unknown matches nothing."""
    known = engines.find(house, principal, text)
    return known.spec.id if known else text
