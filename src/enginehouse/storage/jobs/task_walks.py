"""Walks over the jobs that changed last, or were created first, for the first tasks in the order of their last change.

A task did not change before its job was created, nor after the job's last change. So a few jobs tell the first tasks,
unless these are far apart.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from enginehouse.domain.ids import micros_of
from enginehouse.domain.job import JobFilter
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import job_bounds, job_scans, pages, task_scans
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_scans import ANY_JOB, TaskPlace

# Among so many jobs the first tasks are sought, then among more.
STEPS: Final = (64, 512, FEW, 2 * FEW, 8 * FEW, 64 * FEW)
# Of a deep page, how many jobs for each place up to its end: a job may have several of the tasks, one, or none.
_OF_A_PLACE: Final = (1 / 4, 1 / 2, 1, 2, 8)
# So many µs later than its job's creation an id may be, at most: one for each 1 024 jobs that were created at once.
AHEAD: Final = 200


async def first(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the page from the jobs that changed last or were created first, as many as are needed."""
    for few in steps(filter_):
        if (places := await near(tx, organization_id, filter_, few)) is not None:
            return places
    return await task_scans.rows(tx, task_scans.scans(organization_id, filter_), filter_)


def steps(filter_: TaskFilter) -> Sequence[int]:
    """Returns among how many jobs the tasks up to the end of the page are sought, one number after the other."""
    until = filter_.offset + filter_.limit
    if until <= FEW:
        return STEPS
    enough = [int(until * jobs) + STEPS[0] for jobs in _OF_A_PLACE]
    return *enough, *(few for few in STEPS if few > enough[-1])


async def near(
    tx: Tx, organization_id: int, filter_: TaskFilter, few: int, *, unended: bool = False
) -> list[TaskPlace] | None:
    """Returns the page, if the first so many jobs tell it. Else None."""
    near = await (_last_changed if filter_.descending else _first_changed)(
        tx, organization_id, filter_, few, unended=unended
    )
    if near is None:
        return None
    found = task_scans.scans(organization_id, near, unended=unended)
    places = await task_scans.rows(tx, found, near)
    # A whole page of the tasks that are surely before all others is the page.
    at_end = (near.modified_from, near.modified_to) == (filter_.modified_from, filter_.modified_to)
    return places if at_end or len(places) == filter_.limit else None


async def _last_changed(
    tx: Tx, organization_id: int, filter_: TaskFilter, few: int, *, unended: bool
) -> TaskFilter | None:
    """Returns the filter for the tasks that have changed last, by the jobs that have.

    None if the last changes are not sought.
    """
    if filter_.modified_to is not None:
        return None
    places = await _jobs(tx, organization_id, filter_, JobFilter(order_by="modified_at", limit=few), unended=unended)
    if len(places) < few:
        return replace(filter_, job_ids=tuple(job_id for _, job_id in places))
    # A task of another job did not change after the last of these.
    first = max(places[-1][0] + 1, -job_bounds.NEVER if filter_.modified_from is None else filter_.modified_from)
    return replace(filter_, job_ids=tuple(job_id for _, job_id in places), modified_from=first)


async def _first_changed(
    tx: Tx, organization_id: int, filter_: TaskFilter, few: int, *, unended: bool
) -> TaskFilter | None:
    """Returns the filter for the tasks that have changed first, by the jobs that were created first. None as above."""
    if filter_.modified_from is not None:
        return None
    first = JobFilter(created_from=filter_.created_from, created_to=filter_.created_to, descending=False, limit=few)
    places = await _jobs(tx, organization_id, filter_, first, unended=unended)
    job_ids = tuple(job_id for _, job_id in places)
    if len(places) < few:
        return replace(filter_, job_ids=job_ids)
    # A task of another job did not change before that job was created.
    return replace(filter_, job_ids=job_ids, modified_to=before(job_ids[-1], filter_.modified_to))


async def _jobs(
    tx: Tx, organization_id: int, filter_: TaskFilter, order: JobFilter, *, unended: bool
) -> list[pages.Place]:
    """Returns the first jobs in this order that can have a matching task."""
    start = job_scans.Scan(frozenset(), {"organization_id": organization_id})
    if order.created_from is not None or order.created_to is not None:
        start = start.and_("created", **job_bounds.created(order.created_from, order.created_to))
    statuses, _ = task_scans.job_statuses(filter_, unended=unended)
    found = [start.and_("by_status", status=status.value) for status in sorted(statuses)]
    return await pages.places(tx, [start] if statuses == ANY_JOB and order.order_by == "created_at" else found, order)


def before(job_id: int, last: int | None) -> int:
    """Returns the last time, up to `last`, before which no job with a higher id was created."""
    return min(micros_of(job_id) - AHEAD - 1, job_bounds.NEVER if last is None else last)
