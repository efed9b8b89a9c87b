"""Pages of tasks and their totals, read like pages of jobs: one filter drives the list, the others are checked."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from enginehouse.domain.job import JobFilter
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import (
    counts,
    pages,
    task_backlog,
    task_changes,
    task_claims,
    task_counts,
    task_scans,
)
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_scans import TaskPlace

MANY: Final = 20_000  # tasks that changed in a range and are sorted here


class TaskTally(NamedTuple):
    """How many tasks have this status, engine, reason of a failure and mark."""

    status: str
    engine_id: str
    reason: str
    mark: int
    tasks: int


async def page(tx: Tx, organization_id: int, filter_: TaskFilter, total: int | None = None) -> list[tuple[int, int]]:
    """Returns the tasks of one page, (job, ordinal), in order. With the `total` of all pages it looks for no more."""
    if total is not None:
        if total <= filter_.offset:
            return []
        filter_ = replace(filter_, limit=min(filter_.limit, total - filter_.offset))
    if await barriers.is_open(tx, organization_id):
        narrowed = await _of_late(tx, organization_id, filter_)
        found = task_scans.scans(organization_id, narrowed, applying=True)
        return _keys(await task_scans.rows(tx, found, filter_))
    if (claimable := await task_claims.page(tx, organization_id, filter_, total)) is not None:
        return _keys(claimable)
    parts = await task_backlog.parts(tx, organization_id, filter_)
    if parts == [filter_]:
        return _keys(await _places(tx, organization_id, filter_, total))
    until, places = filter_.offset + filter_.limit, list[TaskPlace]()
    for part in parts:
        places += await _places(tx, organization_id, replace(part, offset=0, limit=until), total)
    return _keys(sorted(places, reverse=filter_.descending)[filter_.offset : until])


async def _places(tx: Tx, organization_id: int, filter_: TaskFilter, total: int | None) -> list[TaskPlace]:
    """Returns the tasks of one page, in order, while no bulk cancel is open."""
    if filter_.order_by == "modified_at":
        return await task_changes.page(tx, organization_id, filter_)
    if task_changes.is_range(filter_) and total is not None and total <= MANY:
        changed = replace(filter_, order_by="modified_at", offset=0, limit=total)
        keys: list[TaskPlace] = [place[1:] for place in await task_changes.page(tx, organization_id, changed)]
        return sorted(keys, reverse=filter_.descending)[filter_.offset : filter_.offset + filter_.limit]
    narrowed = await _of_late(tx, organization_id, filter_)
    if (places := await _of_engines(tx, organization_id, narrowed)) is not None:
        return places
    return await task_scans.rows(tx, task_scans.scans(organization_id, narrowed), filter_)


def _keys(places: Iterable[TaskPlace]) -> list[tuple[int, int]]:
    return [(place[-2], place[-1]) for place in places]


async def _of_engines(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskPlace] | None:
    """Returns the page of tasks of an engine and a status, if the first jobs of the engine have it. Else None."""
    if filter_.engine_ids is None or not task_scans.is_wide(filter_):
        return None
    if task_scans.job_statuses(filter_)[0] == task_scans.ANY_JOB:
        return None  # the engine drives the list
    for few in (64, 512):
        first = JobFilter(
            engine_ids=filter_.engine_ids,
            created_from=filter_.created_from,
            created_to=filter_.created_to,
            descending=filter_.descending,
            limit=few,
        )
        job_ids = tuple(await pages.page(tx, organization_id, first))
        near = replace(filter_, job_ids=job_ids)
        places = await task_scans.rows(tx, task_scans.scans(organization_id, near), near)
        if len(places) == filter_.limit or len(job_ids) < few:
            return places
    return None


async def count(tx: Tx, organization_id: int, filter_: TaskFilter) -> int:
    """Returns how many tasks match on all pages."""
    applying = await barriers.is_open(tx, organization_id)
    if not applying and (known := await task_counts.number(tx, organization_id, filter_)) is not None:
        return known
    if not applying and task_changes.is_range(filter_):
        return await task_changes.count(tx, organization_id, filter_)
    narrowed = await _of_late(tx, organization_id, filter_)
    total = 0
    for scan in task_scans.scans(organization_id, narrowed, applying=applying):
        if not scan.parts and scan.family == task_scans.LIST:
            return await counts.tasks(tx, organization_id)
        [(tasks,)] = await tx.all(scan.number(), **scan.params)
        total += int(tasks)
    return total


async def _of_late(tx: Tx, organization_id: int, filter_: TaskFilter) -> TaskFilter:
    """Returns the filter with the jobs that have changed since its first change, if they are few: one has its index."""
    if filter_.modified_from is None or filter_.job_ids is not None:
        return filter_
    changed = JobFilter(modified_from=filter_.modified_from, order_by="modified_at", limit=FEW + 1)
    job_ids = await pages.page(tx, organization_id, changed)
    return filter_ if len(job_ids) > FEW else replace(filter_, job_ids=tuple(job_ids))


async def tally(tx: Tx, organization_id: int, filter_: TaskFilter, *, step: int | None = None) -> list[TaskTally]:
    """Returns how many of the filter's tasks each status, engine and reason of a failure has.

    With a `step` (µs), also each mark: the time from `created_from` on in steps. One status may have several rows.
    """
    applying = await barriers.is_open(tx, organization_id)
    what, marks = "tally", dict[str, Any]()
    if step is not None:
        what, marks = "tally_by_mark", {"first_mark": filter_.created_from, "step": step}
    rows = list[TaskTally]()
    for scan in task_scans.scans(organization_id, filter_, applying=applying, by_engine=False):
        rows += [TaskTally(*row) for row in await tx.all(scan.number(what), **scan.params, **marks)]
    return rows
