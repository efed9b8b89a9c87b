"""Chooses which tasks run again when some are put back into the queue, and says why a task cannot. Pure."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, assert_never

from enginehouse.domain.event import NOT_NEEDED, PARENT_FAILED
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.additions import label
from enginehouse.domain.planning.edges import Edges, reach
from enginehouse.domain.settlement_rows import TaskState
from enginehouse.domain.standbys import successor
from enginehouse.domain.status import TASK, TaskStatus


class AllTasks(NamedTuple):
    """All tasks of a job, and which of them were deleted: their outputs are gone."""

    states: Mapping[int, TaskState]
    plan: Plan
    edges: Edges
    deleted: Collection[int] = frozenset()


def ended(of: AllTasks) -> frozenset[int]:
    """Returns the tasks without which the job does not complete: failed or aborted ones, not deleted ones.

    Neither a standby that was not needed nor a task whose standby has taken its place.
    """
    return frozenset(ordinal for ordinal in of.states if _has_its_place(of, ordinal)) - frozenset(of.deleted)


def returning(of: AllTasks, ordinals: Collection[int]) -> frozenset[int]:
    """Returns the tasks that run again: those of `ordinals` that failed or were aborted, and their dependants.

    A dependant runs again if it was aborted because a task before it failed, and if every parent has completed or can
    still complete.
    """
    chosen = {ordinal for ordinal in ordinals if _has_its_place(of, ordinal)}
    for ordinal in list(chosen):
        chosen |= {each for each in reach(of.edges, ordinal) if _follows(of.states[each])}
    chosen -= set(of.deleted)
    while lost := {ordinal for ordinal in chosen if _missing_parent(of, chosen, ordinal) is not None}:
        chosen -= lost
    return frozenset(chosen)


def obstacle(of: AllTasks, chosen: Collection[int], ordinal: int) -> str | None:
    """Returns why this task, which a client wants to run again, is not among the `chosen`; None if nothing is wrong."""
    task = of.states[ordinal]
    match task.status:
        case TaskStatus.PENDING | TaskStatus.QUEUED | TaskStatus.STANDBY_PENDING:
            return None
        case TaskStatus.COMPLETE | TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
            return f"is {task.status}; only tasks that failed or were aborted run again."
        case TaskStatus.ABORTED if task.failure_reason == NOT_NEEDED:
            principal = label(of.plan, of.plan.tasks[ordinal].standby_for or 0)
            return f'stands by for "{principal}" and was not needed; name that task.'
        case TaskStatus.FAILED | TaskStatus.ABORTED:
            if (standby := successor(of.states, of.edges, ordinal)) is not None:
                return f'its standby "{label(of.plan, standby)}" has taken its place; name that task.'
            return None if ordinal in chosen else _lack(of, chosen, ordinal)
        case unknown:
            assert_never(unknown)


def end_obstacle(task: TaskState) -> str | None:
    """Returns why this task cannot be aborted; None if it can, or is aborted already."""
    if task.status in TASK["abort"].sources or task.status is TaskStatus.ABORTED:
        return None
    return f"is {task.status}; only tasks that have not ended can be aborted."


def _lack(of: AllTasks, chosen: Collection[int], ordinal: int) -> str | None:
    missing = _missing_parent(of, chosen, ordinal)
    if missing is None:
        return None
    name = label(of.plan, missing)
    if missing in of.deleted:
        return f'needs what "{name}" put out, and that task was deleted.'
    return f'waits for "{name}", which is {of.states[missing].status}; name that task too.'


def _has_its_place(of: AllTasks, ordinal: int) -> bool:
    """True for a task that failed or was aborted, and neither is a standby left out nor has one in its place."""
    task = of.states[ordinal]
    is_ended = task.status in TASK["requeue"].sources
    return is_ended and task.failure_reason != NOT_NEEDED and successor(of.states, of.edges, ordinal) is None


def _follows(task: TaskState) -> bool:
    return task.status is TaskStatus.ABORTED and task.failure_reason == PARENT_FAILED


def _missing_parent(of: AllTasks, chosen: Collection[int], ordinal: int) -> int | None:
    """Returns a parent whose output is not there and never comes; None if there is none."""
    parents = (each for each in of.edges.parents[ordinal] if of.plan.tasks[each].standby_for is None)
    return next((each for each in parents if not _comes(of, chosen, each)), None)


def _comes(of: AllTasks, chosen: Collection[int], ordinal: int) -> bool:
    if ordinal in of.deleted:
        return False
    if ordinal in chosen or of.states[ordinal].status not in TASK["requeue"].sources:
        return True
    standby = successor(of.states, of.edges, ordinal)
    return standby is not None and _comes(of, chosen, standby)
