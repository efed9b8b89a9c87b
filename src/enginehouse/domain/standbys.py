"""Which standby has taken the place of its principal, and which tasks count in the status of their job. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping

from enginehouse.domain.event import NOT_NEEDED
from enginehouse.domain.job import Plan
from enginehouse.domain.planning.edges import Edges
from enginehouse.domain.settlement_rows import TaskState
from enginehouse.domain.status import Tally, TaskStatus


def successor(tasks: Mapping[int, TaskState], edges: Edges, ordinal: int) -> int | None:
    """Returns the standby that runs, or ran, in place of this task; None if there is none."""
    standby = edges.standbys[ordinal]
    if standby is None or tasks[standby].status is TaskStatus.STANDBY_PENDING:
        return None
    return None if tasks[standby].failure_reason == NOT_NEEDED else standby


def tally(tasks: Mapping[int, TaskState], plan: Plan, edges: Edges, reused: Collection[int]) -> Tally:
    """Returns the tally of all tasks of a job. Each settlement keeps it up to date; here it is counted anew."""
    found = Counter[TaskStatus]()
    for ordinal, task in tasks.items():
        left_out = task.status is TaskStatus.ABORTED and task.failure_reason == NOT_NEEDED
        if not left_out and ordinal not in reused and successor(tasks, edges, ordinal) is None:
            found[task.status] += 1
    return Tally(
        total=sum(task.standby_for is None for task in plan.tasks) - len(reused),
        queued=found[TaskStatus.QUEUED],
        running=found[TaskStatus.RUNNING] + found[TaskStatus.PAUSED] + found[TaskStatus.WAITING],
        complete=found[TaskStatus.COMPLETE],
        failed=found[TaskStatus.FAILED],
        aborted=found[TaskStatus.ABORTED],
    )
