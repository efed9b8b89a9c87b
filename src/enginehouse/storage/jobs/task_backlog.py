"""Pages of the tasks that are not in the backlog, or cannot be claimed: past the jobs whose tasks all are or can be."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import task_counts, task_scans
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_counts import TaskCount

_WAIT: Final = frozenset({TaskStatus.PENDING, TaskStatus.STANDBY_PENDING})


async def parts(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskFilter]:
    """Returns filters whose first tasks, merged, begin with the page; no task is in two. No bulk cancel is open.

    Only the filter itself, if it is not one of these. The counts say which statuses tasks outside the backlog have, and
    how many of them wait for other tasks: no more of these are sought among the jobs that wait. What is in the backlog
    and cannot be claimed is held.
    """
    if filter_.in_backlog or (filter_.in_backlog is None and filter_.is_claimable is not False):
        return [filter_]
    if not task_scans.is_wide(filter_):
        return [filter_]
    first = replace(filter_, offset=0, limit=filter_.offset + filter_.limit)
    outside = replace(first, in_backlog=False)
    kinds = await task_counts.kinds(tx, organization_id)
    statuses = _statuses_of(outside, kinds)
    found = list[TaskFilter]()
    if others := tuple(sorted(statuses - _WAIT)):
        found.append(replace(outside, statuses=others))
    if statuses & _WAIT:
        waiting = TaskFilter(statuses=tuple(sorted(statuses & _WAIT)), in_backlog=False, engine_ids=filter_.engine_ids)
        most = task_counts.of(kinds, waiting)
        if most is None:
            return [filter_]
        found.append(replace(outside, statuses=waiting.statuses, limit=min(first.limit, most)))
    if filter_.in_backlog is None:
        held = await _jobs_with_held_items(tx, organization_id, filter_)
        if held is None:
            return [filter_]
        found.append(replace(first, in_backlog=True, job_ids=held))
    return found


async def _jobs_with_held_items(tx: Tx, organization_id: int, filter_: TaskFilter) -> tuple[int, ...] | None:
    """Returns these jobs; None if they are many beside the page."""
    most = FEW + filter_.offset + filter_.limit
    rows = await tx.all("tasks.held_jobs", organization_id=organization_id, limit=most + 1)
    return None if len(rows) > most else tuple(job_id for (job_id,) in rows)


def _statuses_of(filter_: TaskFilter, kinds: Iterable[TaskCount]) -> frozenset[TaskStatus]:
    """Returns the statuses that tasks outside the backlog have. It may be none."""
    found = set[TaskStatus]()
    for kind in kinds:
        if kind.tasks and not kind.engine_id:
            found.add(TaskStatus.ABORTED)  # by a cancel of the job
        elif kind.tasks and not kind.backlog and (filter_.engine_ids is None or kind.engine_id in filter_.engine_ids):
            found.add(TaskStatus(kind.status))
    return frozenset(found) & task_scans.statuses_of(filter_)
