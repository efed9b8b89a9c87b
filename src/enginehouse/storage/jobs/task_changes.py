"""Pages of tasks in the order of their last change, and how many changed in a range.

A task that has ended is in an index by its change, written once. The others are found by their jobs.
"""

from collections.abc import Iterable
from dataclasses import replace

from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import TASK_ENDED
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import job_bounds, pages, task_counts, task_live, task_scans, task_walks
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_counts import TaskCount
from enginehouse.storage.jobs.task_scans import ANY_JOB, TaskPlace, TaskScan


def is_range(filter_: TaskFilter) -> bool:
    """True if tasks that changed in a range are sought among all."""
    bounds = (filter_.created_from, filter_.created_to)
    return task_scans.is_wide(filter_) and bounds == (None, None) and task_scans.is_bounded(filter_)


async def page(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the tasks of one page in this order. No bulk cancel is open."""
    filter_ = await _of_creation(tx, organization_id, filter_)
    of_creation = (filter_.created_from, filter_.created_to) != (None, None)
    of_both = filter_.created_to is not None or (of_creation and task_scans.is_bounded(filter_))
    every_job = task_scans.job_statuses(filter_)[0] == ANY_JOB and filter_.engine_ids is None
    if every_job and task_scans.is_wide(filter_) and (of_creation or not task_scans.is_bounded(filter_)):
        return await task_walks.first(tx, organization_id, filter_)
    if of_both or not task_scans.is_wide(filter_):
        return await task_scans.rows(tx, task_scans.scans(organization_id, filter_), filter_)
    return await _apart(tx, organization_id, filter_)


async def count(tx: Tx, organization_id: int, filter_: TaskFilter) -> int:
    """Returns how many tasks changed in the range of the filter and match."""
    kinds = await task_counts.kinds(tx, organization_id)
    found = _ended_scans(organization_id, filter_, kinds)
    if (others := task_live.filter_of(filter_, kinds)) is not None:
        found += task_live.scans(organization_id, others)
    total = 0
    for scan in found:
        [(tasks,)] = await tx.all(scan.number(), **scan.params)
        total += int(tasks)
    return total


async def _apart(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the page from the tasks that have ended, and the others, which may be before the last of those."""
    until, kinds = filter_.offset + filter_.limit, await task_counts.kinds(tx, organization_id)
    whole = replace(filter_, offset=0, limit=until)
    places = await task_scans.first(tx, _ended_scans(organization_id, filter_, kinds), whole)
    if (others := task_live.filter_of(whole, kinds)) is not None:
        if len(places) == until:
            others = task_scans.up_to(others, places[-1][0])
        places = sorted(places + await task_live.first(tx, organization_id, others), reverse=filter_.descending)
    return places[filter_.offset : until]


def _ended_scans(organization_id: int, filter_: TaskFilter, kinds: Iterable[TaskCount]) -> list[TaskScan]:
    """Returns the statements for the tasks that have ended: for each engine and status that has such a task."""
    statuses = task_scans.statuses_of(filter_) & TASK_ENDED
    found = {
        (kind.engine_id, kind.status) for kind in kinds if kind.engine_id and kind.tasks and kind.status in statuses
    }
    start = TaskScan(frozenset(), {"organization_id": organization_id} | task_scans.range_of(filter_), "tasks.ended")
    if filter_.created_from is not None:
        start = start.and_("created", **job_bounds.created(filter_.created_from, None))
    if filter_.failure_reasons is not None:
        start = start.and_("of_reasons", reasons=list(filter_.failure_reasons))
    if filter_.other_reasons_than is not None:
        start = start.and_("without_reasons", reasons=list(filter_.other_reasons_than))
    if filter_.in_backlog or filter_.is_claimable:
        return []
    return [
        replace(start, params=start.params | {"engine_id": engine_id, "ended_as": status})
        for engine_id, status in sorted(found)
        if filter_.engine_ids is None or engine_id in filter_.engine_ids
    ]


async def _of_creation(tx: Tx, organization_id: int, filter_: TaskFilter) -> TaskFilter:
    """Returns the filter with the jobs that were created in its range, if they are few."""
    if not task_scans.is_wide(filter_) or (filter_.created_from, filter_.created_to) == (None, None):
        return filter_
    created = JobFilter(created_from=filter_.created_from, created_to=filter_.created_to, limit=FEW + 1)
    job_ids = await pages.page(tx, organization_id, created)
    return filter_ if len(job_ids) > FEW else replace(filter_, job_ids=tuple(job_ids))
