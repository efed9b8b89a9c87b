"""The items of a task by their status, for callers who may see the job. A task may have very many."""

from typing import Final

from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Task
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.status import TASK_ENDED, TaskStatus
from enginehouse.domain.task_items import ItemCounts, ItemPage, ItemStatus
from enginehouse.operations import jobs as job_operations
from enginehouse.operations.house import House
from enginehouse.storage import task_items as storage
from enginehouse.storage.database.database import Tx

FIRST: Final = -1  # the place before the first item, which is 0


async def of_task(
    house: House,
    principal: Principal,
    ref: TaskRef,
    *,
    status: ItemStatus | None = None,
    after: int = FIRST,
    limit: int = 100,
) -> ItemPage:
    """Returns up to `limit` items after the item `after`, perhaps only those with a status, and the counts of all.

    Raises NotFound, InvalidInput.
    """
    _check(house, after, limit)
    _, task = await job_operations.task(house, principal, ref)
    return await house.database.read(lambda tx: read(tx, principal, task, status=status, after=after, limit=limit))


async def read(
    tx: Tx,
    principal: Principal,
    task: Task,
    *,
    status: ItemStatus | None,
    after: int,
    limit: int,
    counts: ItemCounts | None = None,
) -> ItemPage:
    """Returns a page of the items of the task, which the caller may see, and the counts of all, `counts` if known."""
    now, organization_id, live = await tx.read_clock(), principal.organization_id, task.status not in TASK_ENDED
    key = (organization_id, task.job_id, task.ordinal)
    found = await storage.page(tx, *key, status=status, after=after, limit=limit + 1, live=live, now=now)
    shown = tuple(found[:limit])
    known = await _counts(tx, organization_id, task, now=now) if counts is None else counts
    return ItemPage(items=shown, counts=known, next=shown[-1].item if len(found) > limit else None)


async def _counts(tx: Tx, organization_id: int, task: Task, *, now: int) -> ItemCounts:
    """Returns the counts. In a task that came to nothing, what has neither result nor failure is aborted."""
    if task.status is TaskStatus.COMPLETE:
        return ItemCounts(complete=task.items_done, failed=task.items_failed)
    if task.status in TASK_ENDED:
        ended = await storage.ended_items(tx, organization_id, task.job_id, task.ordinal)
        complete, failed = ended.get("complete", 0), ended.get("failed", 0) + ended.get("lost", 0)
        return ItemCounts(complete=complete, failed=failed, aborted=max(0, task.items - complete - failed))
    open_ = await storage.open_items(tx, organization_id, task.job_id, task.ordinal, now=now)
    return live_counts(task, running=open_.running, waiting=open_.items - open_.running, kept=open_.waiting)


def live_counts(task: Task, *, running: int, waiting: int, kept: int) -> ItemCounts:
    """Returns the counts of a task that has not ended: `waiting` are not leased, and `kept` of these may not start."""
    return ItemCounts(
        queued=waiting - kept, waiting=kept, running=running, complete=task.items_done, failed=task.items_failed
    )


def _check(house: House, after: int, limit: int) -> None:
    most = house.limits.page_size
    problems = []
    if not 1 <= limit <= most:
        problems.append(Problem("limit", f"1–{most}, got {limit}.", str(limit), f"1–{most}"))
    if after < FIRST:
        problems.append(Problem("after", f"the number of an item, 0 or more, got {after}.", str(after), "0 or more"))
    if problems:
        raise InvalidInput(problems)
