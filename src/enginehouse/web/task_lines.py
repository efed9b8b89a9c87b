"""The tasks of a job as lines of a table and nodes of a graph, with the names that people know them by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job, Task
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.wait_reasons.explanation import Explanation
from enginehouse.operations import engines
from enginehouse.operations.house import House


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """A task in the table and in the graph. `label` is its engine with the name that the client gave the task."""

    ordinal: int
    label: str
    status: str
    sentence: str
    attempts: int
    items: str


def engine_names(house: House, principal: Principal, job: Job) -> dict[str, str]:
    """Returns the names of the job's engines by their ids; the id of one that the caller may not see."""
    found = {}
    for engine_id in {task.plan.engine_id for task in job.tasks}:
        engine = engines.shown(house, principal, engine_id)
        found[engine_id] = engine_id if engine is None else engine.spec.name
    return found


def label(task: Task, names: Mapping[str, str]) -> str:
    """Returns the engine of the task, with the task's own name if it has one."""
    name = names[task.plan.engine_id]
    return f"{name}: {task.plan.name}" if task.plan.name else name


def lines(tasks: Sequence[Task], explained: Sequence[Explanation], names: Mapping[str, str]) -> list[TaskLine]:
    """Returns the lines of these tasks, in their order."""
    return [
        TaskLine(
            ordinal=task.ordinal,
            label=label(task, names),
            status=task.status.value,
            sentence=_sentence(task, explained[task.ordinal]),
            attempts=task.attempts,
            items=f"{task.items_done} of {task.items}" if task.items > 1 else "",
        )
        for task in tasks
    ]


def failed_first(tasks: Sequence[Task]) -> list[Task]:
    """Returns the tasks with those that failed before all others."""
    return sorted(tasks, key=lambda task: (task.status is not TaskStatus.FAILED, task.ordinal))


def _sentence(task: Task, explained: Explanation) -> str:
    """Returns why the task waits, or how it ended: of a failed one with the message of its engine."""
    said = explained.sentence
    return f"{said} {task.failure_message}" if task.status is TaskStatus.FAILED and task.failure_message else said
