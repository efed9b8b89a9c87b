"""Pages of the tasks that can be claimed, by their items: not by the jobs that wait, which may have none."""

from dataclasses import replace
from typing import Final

from enginehouse.domain.ids import micros_of
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import task_counts, task_live, task_scans, task_walks
from enginehouse.storage.jobs.job_bounds import NEVER
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_scans import TaskPlace

SORTED: Final = 20_000  # tasks that are all read and sorted


async def page(tx: Tx, organization_id: int, filter_: TaskFilter, total: int | None) -> list[TaskPlace] | None:
    """Returns the page of the tasks that can be claimed, if nothing else is said of them. No bulk cancel is open.

    None if something is, or if neither the first nor the last of them tell which have changed first or last.
    """
    if not filter_.is_claimable or not task_counts.is_alone(filter_):
        return None
    if total is None:
        total = await task_counts.claimable(tx, organization_id)
    if filter_.order_by != "modified_at":
        rows = await _in_order(tx, organization_id, filter_, total)
        return [(job_id, ordinal) for job_id, ordinal, _ in rows]
    until = filter_.offset + filter_.limit
    for few in task_walks.steps(filter_):
        near = TaskFilter(is_claimable=True, descending=filter_.descending, limit=few)
        rows = await _in_order(tx, organization_id, near, total)
        places: list[TaskPlace] = [(at, job_id, ordinal) for job_id, ordinal, at in rows]
        places.sort(reverse=filter_.descending)
        if len(rows) < few:
            return places[filter_.offset : until]
        first = await (_with_older if filter_.descending else _before_the_next)(
            tx, organization_id, replace(filter_, offset=0, limit=until), places, rows[-1][0]
        )
        if first is not None:
            return first[filter_.offset : until]
    return None


async def _before_the_next(
    tx: Tx, organization_id: int, filter_: TaskFilter, places: list[TaskPlace], next_id: int
) -> list[TaskPlace] | None:
    """Returns the first changed of these tasks, which are all of the jobs before `next_id`; None if another may be.

    A task of another job did not change before that was created.
    """
    surely = task_walks.before(next_id, None)
    first = [place for place in places if place[0] <= surely][: filter_.limit]
    return first if len(first) == filter_.limit else None


async def _with_older(
    tx: Tx, organization_id: int, filter_: TaskFilter, places: list[TaskPlace], last_id: int
) -> list[TaskPlace] | None:
    """Returns the last changed of these tasks, which are all of the jobs after `last_id`, and of older jobs.

    None if they may be many. A job that was created before the last of these changes and has a later one has changed.
    """
    since = places[: filter_.limit][-1][0]
    if len(places) < filter_.limit or since <= micros_of(last_id):
        return None
    scans = task_live.scans(organization_id, task_scans.up_to(filter_, since))
    changed = [scan for scan in scans if scan.parts & {"waiting", "running"}]
    older = [replace(scan, params=scan.params | {"first_id": last_id + 1}) for scan in changed]
    if not await task_live.are_few(tx, older, filter_):
        return None
    beside = await task_scans.first(tx, older, filter_)
    return sorted({*places, *beside}, reverse=True)[: filter_.limit]


async def _in_order(tx: Tx, organization_id: int, filter_: TaskFilter, total: int) -> list[tuple[int, int, int]]:
    """Returns the page in the order of creation, and when each task has changed.

    It is sought among the nearest items of all organizations, then in the lanes if these have few, or among all items.
    """
    order, until = "newest" if filter_.descending else "oldest", filter_.offset + filter_.limit
    beyond = await tx.all(shape("tasks.item_at", {order}), place=FEW + 2 * until)
    first_id, last_id = -NEVER, NEVER
    for (job_id,) in beyond:
        first_id, last_id = (job_id + 1, last_id) if filter_.descending else (first_id, job_id - 1)
    window = {"organization_id": organization_id, "limit": filter_.limit, "offset": filter_.offset}
    by_key = shape("tasks.claimable_page", {order})
    rows = await tx.all(by_key, **window, first_id=first_id, last_id=last_id)
    if beyond and len(rows) < filter_.limit:
        if total <= SORTED:
            by_lane = shape("tasks.claimable_page", {order, "of_lanes"})
            rows = await tx.all(by_lane, **window, pools=task_counts.POOLS)
        else:
            rows = await tx.all(by_key, **window, first_id=-NEVER, last_id=NEVER)
    return [(job_id, ordinal, changed_at) for job_id, ordinal, changed_at in rows]
