"""The addresses of a plan, above all its `notificationUris`: whom to tell that a task or the job has ended.

(graphql-contract §2.9, §3.2)
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from enginehouse.domain.job import JobRequest, Plan, TaskRequest
from enginehouse.domain.planning.checks import PlanReport
from enginehouse.domain.webhooks import outputs
from enginehouse.domain.webhooks.delivery import MOST_URIS

FIELD: Final = "notificationUris"


def notifies(plan: Plan) -> bool:
    """Returns True if the end of the job, or of one of its tasks, must be told to somebody."""
    return FIELD in plan.echo or any(FIELD in task.echo for task in plan.tasks)


def of_task(plan: Plan, ordinal: int) -> list[str]:
    """Returns the addresses to call when the task ends. Those of its job are among them."""
    return _each_once(plan.tasks[ordinal].echo.get(FIELD) or ())


def of_job(plan: Plan, *, aborted: bool) -> list[str]:
    """Returns the addresses to call when the job ends.

    A cancel of a job aborts all its tasks by one change of the job, so it is told once to everybody: to the addresses
    of the tasks too.
    """
    uris = list(plan.echo.get(FIELD) or ())
    if aborted:
        uris += [uri for task in plan.tasks for uri in task.echo.get(FIELD) or ()]
    return _each_once(uris)


def _each_once(uris: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(uris))


def check(
    report: PlanReport, request: JobRequest, tasks: Sequence[TaskRequest], fault_of: Callable[[str], str | None]
) -> None:
    """Reports every address that cannot be called. An address of the job is reported there, not at each task."""
    for field in (FIELD, outputs.FIELD):
        of_all = request.echo.get(field) or []
        _check(report, f"{request.prefix}{field}", of_all, (), fault_of)
        for ordinal, task in enumerate(tasks):
            if field in task.echo:
                _check(report, f"{report.task(ordinal)}.{field}", task.echo[field], of_all, fault_of)


def _check(
    report: PlanReport, path: str, uris: Sequence[str], known: Sequence[str], fault_of: Callable[[str], str | None]
) -> None:
    if len(uris) > MOST_URIS + len(known):
        report.problem(path, f"{len(uris)} addresses, at most {MOST_URIS}.", len(uris), f"0–{MOST_URIS}")
        return
    for position, uri in enumerate(uris):
        if uri not in known and (fault := fault_of(uri)):
            report.problem(f"{path}[{position}]", fault, uri)
