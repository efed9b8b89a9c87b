"""Items that exist and may not start: the limit of their task is reached, or their job is paused.

The column `held` is the sum of the reasons. Of the open items of a limited task, as many may start as the limit allows,
lowest numbers first. When one of them ends, the same transaction frees the next. A task without a limit has no cost.
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
    """Returns how many items of the task may run at once; None for no limit, and for a task with only one item."""
    return task.max_engines if task.per_chunk else None


def of_new_items(settlement: Settlement) -> dict[tuple[int, int], int]:
    """Returns why new items of the settlement are held, by (ordinal, item); items that are not held are missing."""
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
    """Returns one (job, ordinal) for each ended item of a limited task."""
    tasks = settlement.plan.tasks
    return [
        (settlement.job.id, ordinal)
        for ordinal in settlement.closed
        if tasks[ordinal].max_engines is not None and limit_of(tasks[ordinal]) is not None
    ]


async def release(tx: Tx, freed: Sequence[tuple[int, int]]) -> None:
    """Frees one held item of its task for each entry of `freed`."""
    left = Counter(freed)
    while left:
        # Each round frees one item per task, because a statement does not see its own changes.
        await tx.many("held_items.release_next", sorted(left))
        left = Counter({key: count - 1 for key, count in left.items() if count > 1})
