"""Pages of the tasks that are not in the backlog, or cannot be claimed: past the jobs whose tasks all are or can be."""

from collections.abc import Iterable
from dataclasses import replace

from enginehouse.domain.status import TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import task_counts, task_scans
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_counts import TaskCount


async def parts(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskFilter]:
    """Returns filters whose tasks are together those of the filter; no task is in two of them. No bulk cancel is open.

    The counts say which statuses tasks outside the backlog have. What is in it and cannot be claimed is held.
    """
    if filter_.in_backlog or (filter_.in_backlog is None and filter_.is_claimable is not False):
        return [filter_]
    outside = _outside(replace(filter_, in_backlog=False), await task_counts.kinds(tx, organization_id))
    if TaskStatus.PENDING in outside.statuses or not task_scans.is_wide(filter_):
        return [filter_]  # it may be of any job
    found = [outside] if outside.statuses else []
    if filter_.in_backlog is None:
        held = await _jobs_with_held_items(tx, organization_id, filter_)
        if held is None:
            return [filter_]
        found.append(replace(filter_, in_backlog=True, job_ids=held))
    return found


async def _jobs_with_held_items(tx: Tx, organization_id: int, filter_: TaskFilter) -> tuple[int, ...] | None:
    """Returns these jobs; None if they are many beside the page."""
    most = FEW + filter_.offset + filter_.limit
    rows = await tx.all("tasks.held_jobs", organization_id=organization_id, limit=most + 1)
    return None if len(rows) > most else tuple(job_id for (job_id,) in rows)


def _outside(filter_: TaskFilter, kinds: Iterable[TaskCount]) -> TaskFilter:
    """Returns the filter with the statuses that tasks outside the backlog have. It may be none."""
    found = set[TaskStatus]()
    for kind in kinds:
        if kind.tasks and not kind.engine_id:
            found.add(TaskStatus.ABORTED)  # by a cancel of the job
        elif kind.tasks and not kind.backlog and (filter_.engine_ids is None or kind.engine_id in filter_.engine_ids):
            found.add(TaskStatus(kind.status))
    return replace(filter_, statuses=tuple(sorted(found & task_scans.statuses_of(filter_))))
