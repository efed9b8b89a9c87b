"""Other payloads for the tasks of a job that is done again. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from enginehouse.domain.errors import Fault, excerpt
from enginehouse.domain.job import Plan, TaskRequest
from enginehouse.domain.planning.additions import named
from enginehouse.domain.planning.checks import PlanReport, checked_payload
from enginehouse.domain.spelling import Spelling

_SPELLING: Final = Spelling(tasks="payloads")
_LONGEST_NUMBER: Final = 9  # digits


class TaskPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A task's payload in the job that does its job again: a value, or JSON text.

    `task` names it by its number in the job, its id in either spelling, or its reference.
    """

    task: str
    payload: Any = None
    payload_text: str | None = None


def with_payloads(plan: Plan, job_id: int, payloads: Sequence[TaskPayload]) -> tuple[Plan, frozenset[int]]:
    """Returns the plan with these payloads, and the tasks whose payload is another than before.

    Raises InvalidInput with everything that is wrong.
    """
    report = PlanReport(_SPELLING, "", [None] * len(payloads))
    chosen = dict[int, Any]()
    for n, given in enumerate(payloads):
        ordinal = _ordinal(plan, job_id, given.task)
        if ordinal is None:
            text = f"{excerpt(given.task)} is no task of this job: its number, its id or its reference."
            report.problem(f"{report.task(n)}.task", text, excerpt(given.task), fault=Fault.UNKNOWN)
        elif ordinal in chosen:
            report.problem(f"{report.task(n)}.task", f"duplicate: task {ordinal} has a payload already.", given.task)
        chosen[len(plan.tasks) + n if ordinal is None else ordinal] = _value(report, n, given)
    report.raise_problems()
    return _replaced(plan, chosen)


def _replaced(plan: Plan, chosen: Mapping[int, Any]) -> tuple[Plan, frozenset[int]]:
    changed = frozenset(n for n, value in chosen.items() if not _same(plan.tasks[n].payload, value))
    tasks = [structs.replace(task, payload=chosen[n]) if n in changed else task for n, task in enumerate(plan.tasks)]
    return structs.replace(plan, tasks=tuple(tasks)), changed


def _value(report: PlanReport, n: int, given: TaskPayload) -> Any:
    if given.payload is None and not given.payload_text:
        report.problem(report.task(n), f"give {_SPELLING.payload} or {_SPELLING.payload_text}.")
        return None
    request = TaskRequest(payload=given.payload, payload_text=given.payload_text)
    return checked_payload(report, n, request, one_only=True)


def _ordinal(plan: Plan, job_id: int, text: str) -> int | None:
    if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER and int(text) < len(plan.tasks):
        return int(text)
    return named(plan, job_id, text)


def _same(one: Any, other: Any) -> bool:
    """Returns True for the same JSON. Python's `1 == True` is not that."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")
