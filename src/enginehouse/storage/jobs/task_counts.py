"""How many tasks a filter matches, from the stored counts: the answer does not depend on how many tasks there are."""

from dataclasses import fields
from typing import Final, NamedTuple

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts


class TaskCount(NamedTuple):
    """So many tasks of the engine are in their rows of this kind.

    Without an engine (''): so many have not ended by their rows, but are shown as aborted, as their job was cancelled.
    """

    engine_id: str
    status: str
    reason: str
    backlog: int
    tasks: int


_COUNTS: Final = Select("jobs.task_counts", TaskCount)
_COUNTED: Final = {"statuses", "engine_ids", "failure_reasons", "other_reasons_than", "in_backlog"}
_ORDER: Final = {"order_by", "descending", "offset", "limit"}
_BEGUN: Final = (TaskStatus.RUNNING, TaskStatus.WAITING, TaskStatus.PAUSED)
POOLS: Final = [kind.value for kind in EngineKind]
_OTHERS: Final = [each for each in fields(TaskFilter) if each.name not in _COUNTED | _ORDER]


async def number(tx: Tx, organization_id: int, filter_: TaskFilter) -> int | None:
    """Returns how many tasks match while no bulk cancel is open; None if the counts do not tell."""
    if filter_.is_claimable is not None and is_alone(filter_):
        tasks = await claimable(tx, organization_id)
        return tasks if filter_.is_claimable else await counts.tasks(tx, organization_id) - tasks
    if any(getattr(filter_, each.name) != each.default for each in _OTHERS):
        return None
    return of(await kinds(tx, organization_id), filter_)


async def kinds(tx: Tx, organization_id: int) -> list[TaskCount]:
    """Returns how many tasks the organization has of each kind."""
    return await _COUNTS.all(tx, organization_id=organization_id)


async def claimable(tx: Tx, organization_id: int) -> int:
    """Returns how many tasks have an item that may be claimed.

    They are those in the backlog whose items are not all held, and those that run and have a further item. Only if some
    tasks have begun and have no attempt now, all items that may be claimed are counted.
    """
    known = await kinds(tx, organization_id)
    begun, backlog = of(known, TaskFilter(statuses=_BEGUN)), of(known, TaskFilter(in_backlog=True))
    [(leased, further)] = await tx.all("tasks.leased", organization_id=organization_id)
    if begun != leased or backlog is None:
        [(tasks,)] = await tx.all("tasks.claimable", organization_id=organization_id, pools=POOLS)
        return int(tasks)
    [(held,)] = await tx.all("tasks.held", organization_id=organization_id)
    return backlog - int(held) + int(further)


def is_alone(filter_: TaskFilter) -> bool:
    """Whether nothing else is said of the tasks."""
    plain = TaskFilter(is_claimable=filter_.is_claimable)
    return all(
        getattr(filter_, each.name) == getattr(plain, each.name) for each in fields(filter_) if each.name not in _ORDER
    )


def of(numbers: list[TaskCount], filter_: TaskFilter) -> int | None:
    """Returns the same from an organization's counts."""
    total = 0
    for each in numbers:
        matches = _matches(each, filter_)
        if each.engine_id:
            if matches and (filter_.engine_ids is None or each.engine_id in filter_.engine_ids):
                total += each.tasks
        elif matches != (shown := _shows_aborted(filter_)) and each.tasks:
            if filter_.engine_ids is not None:
                return None  # of which engines these tasks are is in no count
            total += each.tasks if shown else -each.tasks
    return total


def _matches(count: TaskCount, filter_: TaskFilter) -> bool:
    """Whether tasks of this kind match if they are what their rows say."""
    if filter_.statuses and count.status not in filter_.statuses:
        return False
    if filter_.in_backlog is not None and bool(count.backlog) is not filter_.in_backlog:
        return False
    has_failed = count.status == TaskStatus.FAILED
    if filter_.failure_reasons is not None and not (has_failed and count.reason in filter_.failure_reasons):
        return False
    return filter_.other_reasons_than is None or (has_failed and count.reason not in filter_.other_reasons_than)


def _shows_aborted(filter_: TaskFilter) -> bool:
    """Whether an aborted task matches."""
    return _matches(TaskCount("", TaskStatus.ABORTED.value, "", 0, 0), filter_)
