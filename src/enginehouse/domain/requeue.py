"""Chooses which tasks run again when some are put back into the queue, and says why a task cannot. Pure."""

from collections.abc import Collection, Mapping
from typing import assert_never

from enginehouse.domain.event import NOT_NEEDED, PARENT_FAILED
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.additions import label
from enginehouse.domain.planning.edges import Edges, reach
from enginehouse.domain.settlement_rows import TaskState
from enginehouse.domain.standbys import successor
from enginehouse.domain.status import TASK, TaskStatus


def returning(tasks: Mapping[int, TaskState], plan: Plan, edges: Edges, asked: Collection[int]) -> frozenset[int]:
    """Returns the tasks that run again: those of `asked` that failed or were aborted, and their dependants.

    A dependant runs again if it was aborted because a task before it failed, and if every parent has completed or can
    still complete. `tasks` are all tasks of the job.
    """
    chosen = {ordinal for ordinal in asked if _has_its_place(tasks, edges, ordinal)}
    for ordinal in list(chosen):
        chosen |= {each for each in reach(edges, ordinal) if _follows(tasks[each])}
    while lost := {ordinal for ordinal in chosen if _missing_parent(tasks, plan, edges, chosen, ordinal) is not None}:
        chosen -= lost
    return frozenset(chosen)


def obstacle(
    tasks: Mapping[int, TaskState], plan: Plan, edges: Edges, chosen: Collection[int], ordinal: int
) -> str | None:
    """Returns why this task, which a client wants to run again, is not among the `chosen`; None if nothing is wrong."""
    task = tasks[ordinal]
    match task.status:
        case TaskStatus.PENDING | TaskStatus.QUEUED | TaskStatus.STANDBY_PENDING:
            return None
        case TaskStatus.COMPLETE | TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
            return f"is {task.status}; only tasks that failed or were aborted run again."
        case TaskStatus.ABORTED if task.failure_reason == NOT_NEEDED:
            principal = label(plan, plan.tasks[ordinal].standby_for or 0)
            return f'stands by for "{principal}" and was not needed; name that task.'
        case TaskStatus.FAILED | TaskStatus.ABORTED:
            if (standby := successor(tasks, edges, ordinal)) is not None:
                return f'its standby "{label(plan, standby)}" has taken its place; name that task.'
            missing = None if ordinal in chosen else _missing_parent(tasks, plan, edges, chosen, ordinal)
            if missing is None:
                return None
            name, status = label(plan, missing), tasks[missing].status
            return f'waits for "{name}", which is {status}; name that task too.'
        case unknown:
            assert_never(unknown)


def end_obstacle(task: TaskState) -> str | None:
    """Returns why this task cannot be aborted; None if it can, or is aborted already."""
    if task.status in TASK["abort"].sources or task.status is TaskStatus.ABORTED:
        return None
    return f"is {task.status}; only tasks that have not ended can be aborted."


def _has_its_place(tasks: Mapping[int, TaskState], edges: Edges, ordinal: int) -> bool:
    """True for a task that failed or was aborted, and neither is a standby left out nor has one in its place."""
    task = tasks[ordinal]
    is_ended = task.status in TASK["requeue"].sources
    return is_ended and task.failure_reason != NOT_NEEDED and successor(tasks, edges, ordinal) is None


def _follows(task: TaskState) -> bool:
    return task.status is TaskStatus.ABORTED and task.failure_reason == PARENT_FAILED


def _missing_parent(
    tasks: Mapping[int, TaskState], plan: Plan, edges: Edges, chosen: Collection[int], ordinal: int
) -> int | None:
    """Returns a parent that has not completed and never will; None if there is none."""
    parents = (each for each in edges.parents[ordinal] if plan.tasks[each].standby_for is None)
    return next((each for each in parents if not _comes(tasks, edges, chosen, each)), None)


def _comes(tasks: Mapping[int, TaskState], edges: Edges, chosen: Collection[int], ordinal: int) -> bool:
    if ordinal in chosen or tasks[ordinal].status not in TASK["requeue"].sources:
        return True
    standby = successor(tasks, edges, ordinal)
    return standby is not None and _comes(tasks, edges, chosen, standby)
