"""The first tasks, in the order of their last change, whose rows do not say that they have ended.

They have no index of their own. They are those of the jobs that have not ended, and of cancelled ones.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import TASK_ENDED, JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import counts, pages, queries, task_scans, task_walks
from enginehouse.storage.jobs.job_bounds import LAST_TIME, NEVER
from enginehouse.storage.jobs.pages import FEW
from enginehouse.storage.jobs.task_counts import TaskCount
from enginehouse.storage.jobs.task_scans import LIVE, TaskPlace, TaskScan

LOOKS: Final = {
    "by_status": ("organization_id", "job_status", "first_id", "last_id"),
    "by_engine": ("organization_id", "engine_id", "first_id", "last_id"),
    "running": ("organization_id", "modified_from", "first_id"),
    "cancelled": ("organization_id", "modified_from", "modified_to"),
    "cancelled_before": ("organization_id", "modified_from", "modified_to"),
}
_WAITING: Final = ("organization_id", "modified_from", "first_id")


def filter_of(filter_: TaskFilter, kinds: Iterable[TaskCount]) -> TaskFilter | None:
    """Returns the filter for the matching tasks whose rows do not say that they have ended, None if there are none."""
    wanted, found, are_hidden = task_scans.statuses_of(filter_), set[TaskStatus](), False
    for kind in kinds:
        if not kind.engine_id:
            are_hidden |= kind.tasks > 0
        elif kind.tasks and (filter_.engine_ids is None or kind.engine_id in filter_.engine_ids):
            found.add(TaskStatus(kind.status))
    found -= TASK_ENDED
    if are_hidden and found:
        found.add(TaskStatus.ABORTED)
    return replace(filter_, statuses=tuple(sorted(found & wanted))) if found & wanted else None


async def first(tx: Tx, organization_id: int, filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the first matching tasks whose rows do not say that they have ended."""
    if await _few_name(tx, organization_id, filter_):
        found = task_scans.scans(organization_id, filter_, unended=True, few_of_engines=True)
        return await task_scans.rows(tx, found, filter_)
    bounded = task_scans.is_bounded(filter_) and filter_.created_from is None
    for few in task_walks.steps(filter_):
        if bounded and few > task_walks.STEPS[0]:
            bounded, found = False, scans(organization_id, filter_)
            if await are_few(tx, found, filter_):
                return await task_scans.first(tx, found, filter_)
        if (places := await task_walks.near(tx, organization_id, filter_, few, unended=True)) is not None:
            return places
        if (places := await _of_engines(tx, organization_id, filter_, few)) is not None:
            return places
    few_of_engines = await _fewer_name(tx, organization_id, filter_)
    found = task_scans.scans(organization_id, filter_, unended=True, few_of_engines=few_of_engines)
    return await task_scans.rows(tx, found, filter_)


async def _of_engines(tx: Tx, organization_id: int, filter_: TaskFilter, few: int) -> list[TaskPlace] | None:
    """Returns the page, if the last or first so many jobs of the engines tell it. Else None."""
    if filter_.engine_ids is None or filter_.created_from is not None or few > FEW + 2 * filter_.limit:
        return None
    order = JobFilter(engine_ids=filter_.engine_ids, descending=filter_.descending, limit=few)
    job_ids = tuple(await pages.page(tx, organization_id, order))
    near = replace(filter_, job_ids=job_ids)
    if len(job_ids) == few and not filter_.descending:
        near = replace(near, modified_to=task_walks.before(job_ids[-1], filter_.modified_to))
    places = await task_scans.rows(tx, task_scans.scans(organization_id, near, unended=True), near)
    if len(job_ids) < few or (not filter_.descending and near.modified_to == filter_.modified_to):
        return places
    if len(places) < filter_.limit:
        return None
    if not filter_.descending:
        return places
    # So many tasks did not change before the last of these: a task that did is not on the page.
    found = scans(organization_id, task_scans.up_to(filter_, places[-1][0]))
    return await task_scans.first(tx, found, filter_) if await are_few(tx, found, filter_) else None


def scans(organization_id: int, filter_: TaskFilter) -> list[TaskScan]:
    """Returns the statements for these tasks if the filter has a range of changes."""
    first, last = filter_.modified_from, filter_.modified_to
    start = TaskScan(frozenset(), {"organization_id": organization_id} | task_scans.range_of(filter_), "tasks.unended")
    start = task_scans.checked(start, replace(filter_, modified_from=None, modified_to=None, engine_ids=None))
    first_id = first_job_id(min(max(first or 0, 0), LAST_TIME))
    last_id = NEVER if last is None or last > LAST_TIME else first_job_id(max(last, 0) + task_walks.AHEAD)
    then = replace(start, params=start.params | {"first_id": first_id, "last_id": last_id})
    since = min(start.params["modified_from"], LAST_TIME)  # something is added to it
    before = replace(start, params=start.params | {"first_id": first_id, "modified_from": since})
    statuses, _ = task_scans.job_statuses(filter_, unended=True)
    found, live = list[TaskScan](), sorted(statuses & LIVE)
    if filter_.engine_ids is None:
        found += [then.and_("by_status", job_status=status.value) for status in live]
    else:
        found += [then.and_("by_engine", engine_id=each) for each in sorted(set(filter_.engine_ids)) if live]
        start = start.and_("of_engines", engine_ids=list(filter_.engine_ids))
        before = before.and_("of_engines", engine_ids=list(filter_.engine_ids))
    if statuses & {JobStatus.PENDING, JobStatus.QUEUED}:
        found.append(before.and_("waiting"))
    if JobStatus.RUNNING in statuses:
        found.append(before.and_("running"))
    if JobStatus.ABORTED in statuses:
        found.append(start.and_("cancelled"))
        if last is not None:
            found.append(start.and_("cancelled_before"))
    return found


async def are_few(tx: Tx, found: Iterable[TaskScan], filter_: TaskFilter) -> bool:
    """True if these statements look at few jobs, or not at many more than the page goes through."""
    jobs, most = 0, FEW + filter_.limit
    for scan in found:
        name, wanted = _look(scan)
        [(number,)] = await tx.all(name, **{key: scan.params[key] for key in wanted}, limit=most + 1)
        jobs += int(number)
    return jobs <= most


def _look(scan: TaskScan) -> tuple[str, tuple[str, ...]]:
    """Returns the statement that counts the jobs which this one looks at, and its parameters."""
    if "waiting" in scan.parts:
        return "tasks.changed_while_waiting", _WAITING
    [part] = scan.parts & LOOKS.keys()
    return shape("tasks.unended_jobs", {part}), LOOKS[part]


async def _few_name(tx: Tx, organization_id: int, filter_: TaskFilter) -> bool:
    """True if few jobs name the engines of the filter."""
    return (
        filter_.engine_ids is not None and await _naming(tx, organization_id, filter_.engine_ids) <= task_walks.STEPS[1]
    )


async def _fewer_name(tx: Tx, organization_id: int, filter_: TaskFilter) -> bool:
    """True if fewer jobs name the engines of the filter than have not ended."""
    if filter_.engine_ids is None:
        return False
    jobs = (await queries.counts_by_status(tx, organization_id)).totals
    return await _naming(tx, organization_id, filter_.engine_ids) < sum(jobs[status] for status in LIVE)


async def _naming(tx: Tx, organization_id: int, engine_ids: Iterable[str]) -> int:
    return sum([await counts.jobs_of_engine(tx, organization_id, one) for one in sorted(set(engine_ids))])
