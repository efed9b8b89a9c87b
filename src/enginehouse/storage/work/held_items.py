"""Items that exist and may not start: their task has as many others as its limit allows, or their job is paused.

An item is held by the sum of the reasons. Of a limited task's open items as many are free as its limit says, the lowest
numbers first: when one of those ends the next is let go in the same transaction. A task without a limit pays nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from enginehouse.domain.job import TaskPlan
from enginehouse.domain.settlement import Settlement
from enginehouse.storage.database.database import Tx

TASK_LIMIT: Final = 1
JOB_PAUSED: Final = 2


def limit_of(task: TaskPlan) -> int | None:
    """How many items of the task may run at once; None for any number, as for a task that has only one."""
    return task.max_engines if task.per_chunk else None


def of_new_items(settlement: Settlement) -> dict[tuple[int, int], int]:
    """Why the settlement's new items are held, by (ordinal, item); those that are not are absent."""
    paused = JOB_PAUSED if settlement.job.paused else 0
    held = dict[tuple[int, int], int]()
    new = Counter(ordinal for ordinal, _, _ in settlement.new_items)
    seen = Counter[int]()
    for ordinal, item, _ in settlement.new_items:
        reasons, limit = paused, limit_of(settlement.plan.tasks[ordinal])
        if limit is not None:
            before = settlement.tasks[ordinal].items_open - new[ordinal] + seen[ordinal]
            seen[ordinal] += 1
            reasons += TASK_LIMIT if before >= limit else 0
        if reasons:
            held[ordinal, item] = reasons
    return held


def freed(settlement: Settlement) -> list[tuple[int, int]]:
    """The (job, ordinal) of each limited task's item that ended, as often as there were some."""
    tasks = settlement.plan.tasks
    return [
        (settlement.job.id, ordinal)
        for ordinal in settlement.closed
        if tasks[ordinal].max_engines is not None and limit_of(tasks[ordinal]) is not None
    ]


async def release(tx: Tx, freed: Sequence[tuple[int, int]]) -> None:
    """For every place that became free the task's next held item is let go."""
    left = Counter(freed)
    while left:
        # Each round lets one item of each task go: a statement does not see what it has changed itself.
        await tx.many("held_items.release_next", sorted(left))
        left = Counter({key: count - 1 for key, count in left.items() if count > 1})
