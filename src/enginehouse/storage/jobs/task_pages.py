"""Pages of tasks and their totals, read like pages of jobs: one filter drives the list, the others are checked.

Tasks have no index of their own beside their key. The status of a job says which statuses its tasks can have, so a
filter by status reads the jobs that can match.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from enginehouse.domain.ids import micros_of
from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JOB_ENDED, JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.domain.times import SECOND
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import counts, pages, queries, task_counts
from enginehouse.storage.jobs.pages import FEW, NEVER

TaskPlace = tuple[int, ...]
"""The values that order a task: (when it changed, job, ordinal) or (job, ordinal)."""


class TaskTally(NamedTuple):
    """How many tasks have this status, engine, reason of a failure and mark."""

    status: str
    engine_id: str
    reason: str
    mark: int
    tasks: int


STEPS: Final = (
    64,
    FEW,
    2 * FEW,
    8 * FEW,
    64 * FEW,
)  # jobs among which the first tasks in the order of changes are sought
AHEAD: Final = SECOND  # so much later than its job's creation an id may be, at most

_ANY_JOB: Final = frozenset(JobStatus)
_LIVE: Final = _ANY_JOB - JOB_ENDED
_WAITING: Final = {JobStatus.PENDING, JobStatus.QUEUED}
_LIST: Final = "tasks.list"


@dataclass(frozen=True, slots=True)
class TaskScan:
    """A statement: its family, the parts that its filters choose, and the parameters of these."""

    parts: frozenset[str]
    params: dict[str, Any]
    family: str = _LIST

    def and_(self, part: str, **params: object) -> "TaskScan":
        return replace(self, parts=self.parts | {part}, params=self.params | params)

    def page(self, order: str) -> str:
        """Returns the name of the statement for a page in this order."""
        return shape(self.family, self.parts | {"page", order})

    def number(self, what: str = "total") -> str:
        """Returns the name of the statement for these numbers of the tasks."""
        return shape(self.family, self.parts | {what})


async def page(tx: Tx, organization_id: int, filter_: TaskFilter, total: int | None = None) -> list[tuple[int, int]]:
    """Returns the tasks of one page, (job, ordinal), in order. With the `total` of all pages it looks for no more."""
    if total is not None:
        if total <= filter_.offset:
            return []
        filter_ = replace(filter_, limit=min(filter_.limit, total - filter_.offset))
    if filter_.order_by == "modified_at" and not await barriers.is_open(tx, organization_id):
        filter_ = await _of_creation(tx, organization_id, filter_)
        near = _last_changed if filter_.descending else _first_changed
        few_of_engines = await _names_few(tx, organization_id, filter_)
        for few in STEPS[:2] if few_of_engines else STEPS:
            narrowed = await near(tx, organization_id, filter_, few)
            if narrowed is None:
                break
            # A whole page of the tasks that are surely before all others is the page.
            if len(found := await _page(tx, organization_id, narrowed)) == filter_.limit:
                return found
        return await _page(tx, organization_id, filter_, few_of_engines=few_of_engines)
    return await _page(tx, organization_id, filter_)


async def _last_changed(tx: Tx, organization_id: int, filter_: TaskFilter, few: int) -> TaskFilter | None:
    """Returns the filter for the tasks that have changed last, by the jobs that have.

    None if the filter is narrow already, or there are no more jobs than these.
    """
    if not _is_wide(filter_) or filter_.modified_from is not None:
        return None
    places = await _jobs(tx, organization_id, filter_, JobFilter(order_by="modified_at", limit=few))
    if len(places) < few:
        return None
    # A task of another job did not change after the last of these.
    return replace(filter_, job_ids=tuple(job_id for _, job_id in places), modified_from=places[-1][0] + 1)


async def _first_changed(tx: Tx, organization_id: int, filter_: TaskFilter, few: int) -> TaskFilter | None:
    """Returns the filter for the tasks that have changed first, by the jobs that were created first. None as above."""
    if not _is_wide(filter_) or (filter_.modified_from, filter_.modified_to) != (None, None):
        return None
    first = JobFilter(created_from=filter_.created_from, created_to=filter_.created_to, descending=False, limit=few)
    places = await _jobs(tx, organization_id, filter_, first)
    if len(places) < few:
        return None
    job_ids = tuple(job_id for _, job_id in places)
    # A task of another job did not change before that job was created.
    return replace(filter_, job_ids=job_ids, modified_to=micros_of(job_ids[-1]) - AHEAD - 1)


async def _of_creation(tx: Tx, organization_id: int, filter_: TaskFilter) -> TaskFilter:
    """Returns the filter with the jobs that were created in its range, if they are few."""
    if not _is_wide(filter_) or (filter_.created_from, filter_.created_to) == (None, None):
        return filter_
    created = JobFilter(created_from=filter_.created_from, created_to=filter_.created_to, limit=FEW + 1)
    job_ids = await pages.page(tx, organization_id, created)
    return filter_ if len(job_ids) > FEW else replace(filter_, job_ids=tuple(job_ids))


def _is_wide(filter_: TaskFilter) -> bool:
    """True if neither jobs nor targets are named."""
    return filter_.job_ids is None and filter_.target_id is None and filter_.source_id is None


async def _jobs(tx: Tx, organization_id: int, filter_: TaskFilter, order: JobFilter) -> list[pages.Place]:
    """Returns the first jobs in this order that can have a matching task, while no bulk cancel is open."""
    start = pages.Scan(frozenset(), {"organization_id": organization_id})
    if order.created_from is not None or order.created_to is not None:
        start = start.and_("created", **pages.created(order.created_from, order.created_to))
    apart = await _wait_mostly(tx, organization_id, filter_)
    statuses, besides = _job_statuses(filter_, applying=False, apart=apart)
    found = [start.and_("by_status", status=status.value) for status in sorted(statuses)]
    if statuses == _ANY_JOB and order.order_by == "created_at":
        found = [start]
    elif statuses != _ANY_JOB:
        found += [start.and_("by_failure" if each == "with_failures" else each) for each in sorted(besides)]
    return await pages.places(tx, found, order)


async def _wait_mostly(tx: Tx, organization_id: int, filter_: TaskFilter) -> bool:
    """True if complete tasks are sought, and more jobs wait, without one, than have ended and may have none."""
    if TaskStatus.COMPLETE not in filter_.statuses or not _is_wide(filter_) or filter_.engine_ids is not None:
        return False
    jobs = (await queries.counts_by_status(tx, organization_id)).totals
    return jobs[JobStatus.PENDING] + jobs[JobStatus.QUEUED] > jobs[JobStatus.FAILED] + jobs[JobStatus.ABORTED]


async def _names_few(tx: Tx, organization_id: int, filter_: TaskFilter) -> bool:
    """True if so few jobs name the filter's engines that their tasks are sorted rather than sought among all."""
    statuses, _ = _job_statuses(filter_, applying=False)
    if filter_.engine_ids is None or not _is_wide(filter_) or statuses != _ANY_JOB:
        return False
    return await pages.names_few(tx, organization_id, filter_.engine_ids)


async def _page(
    tx: Tx, organization_id: int, filter_: TaskFilter, *, few_of_engines: bool = False
) -> list[tuple[int, int]]:
    applying = await barriers.is_open(tx, organization_id)
    narrowed = await _of_late(tx, organization_id, filter_)
    apart = not few_of_engines and await _wait_mostly(tx, organization_id, narrowed)
    found = scans(organization_id, narrowed, applying=applying, few_of_engines=few_of_engines, apart=apart)
    by_change = filter_.order_by == "modified_at"
    names = ("last_modified", "first_modified") if by_change else ("newest", "oldest")
    order = names[0] if filter_.descending else names[1]
    until, places = filter_.offset + filter_.limit, list[TaskPlace]()
    alone = len(found) == 1
    for scan in found:
        limit, offset = (filter_.limit, filter_.offset) if alone else (until, 0)
        rows = await tx.all(scan.page(order), **scan.params, limit=limit, offset=offset)
        places += [(changed_at, *key) if by_change else tuple(key) for *key, changed_at in rows]
    if not alone:
        places = sorted(places, reverse=filter_.descending)[filter_.offset : until]
    return [(place[-2], place[-1]) for place in places]


async def count(tx: Tx, organization_id: int, filter_: TaskFilter) -> int:
    """Returns how many tasks match on all pages."""
    applying = await barriers.is_open(tx, organization_id)
    if not applying and (known := await task_counts.number(tx, organization_id, filter_)) is not None:
        return known
    narrowed = await _of_late(tx, organization_id, filter_)
    total = 0
    for scan in scans(organization_id, narrowed, applying=applying):
        if not scan.parts and scan.family == _LIST:
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
    for scan in scans(organization_id, filter_, applying=applying, by_engine=False):
        rows += [TaskTally(*row) for row in await tx.all(scan.number(what), **scan.params, **marks)]
    return rows


def scans(
    organization_id: int,
    filter_: TaskFilter,
    *,
    applying: bool = False,
    by_engine: bool = True,
    few_of_engines: bool = False,
    apart: bool = False,
) -> list[TaskScan]:
    """Returns the statements whose tasks are together those of the filter. No task is in two of them.

    `applying`: an open bulk cancel has aborted jobs whose rows are not updated yet. `by_engine`: an engine may drive;
    `few_of_engines`: also in the order of changes, because so few jobs name one.
    """
    start = TaskScan(frozenset(), {"organization_id": organization_id})
    statuses, besides = _job_statuses(filter_, applying=applying, apart=apart)
    if filter_.job_ids is not None:
        driven = [start.and_("of_ids", ids=list(filter_.job_ids))]
    elif filter_.target_id is not None:
        driven = [start.and_("by_target", target_id=filter_.target_id)]
    elif filter_.source_id is not None:
        driven = [start.and_("by_source", source_id=filter_.source_id)]
    elif statuses != _ANY_JOB:
        driven = [start.and_("by_status", job_status=status.value) for status in sorted(statuses)]
        others = [status.value for status in sorted(_ANY_JOB - statuses)]
        for each in sorted(besides):
            flagged = start.and_(each)
            driven.append(flagged.and_("of_job_statuses", job_statuses=others) if statuses else flagged)
    elif by_engine and filter_.engine_ids is not None and (few_of_engines or filter_.order_by == "created_at"):
        engines = replace(start, family="tasks.list_of_engine")
        return [
            _rest(replace(engines, params=engines.params | {"engine_id": one}), replace(filter_, engine_ids=None))
            for one in sorted(set(filter_.engine_ids))
        ]
    else:
        driven = [start]
    return [_rest(scan, filter_) for scan in driven]


def _job_statuses(filter_: TaskFilter, *, applying: bool, apart: bool = False) -> tuple[frozenset[JobStatus], set[str]]:
    """Returns the statuses that the jobs of matching tasks can have, and which other jobs can match.

    These are the jobs with failures, and those that wait though a task has ended. `apart`: complete tasks are not
    sought among the jobs that wait, see `_wait_mostly`.
    """
    statuses = set(filter_.statuses or TaskStatus)
    if filter_.in_backlog:
        statuses &= {TaskStatus.PENDING, TaskStatus.QUEUED}
    if filter_.is_claimable:
        statuses -= {TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.ABORTED}
    if filter_.failure_reasons is not None or filter_.other_reasons_than is not None:
        statuses &= {TaskStatus.FAILED}
    jobs, besides = frozenset[JobStatus](), set[str]()
    for status in statuses:
        match status:
            case TaskStatus.COMPLETE:
                jobs |= (_ANY_JOB - _WAITING) if apart else _ANY_JOB
                besides.add("partly_ended")
            case TaskStatus.FAILED:
                besides.add("with_failures")
            case TaskStatus.ABORTED:
                jobs |= {JobStatus.ABORTED, JobStatus.FAILED, JobStatus.RUNNING} | (_LIVE if applying else set())
                besides |= {"with_failures", "partly_ended"}
            case TaskStatus.STANDBY_PENDING:
                jobs |= _LIVE
                besides.add("with_failures")
            case TaskStatus.PENDING:
                jobs |= _LIVE
            case TaskStatus.QUEUED:
                jobs |= {JobStatus.QUEUED, JobStatus.RUNNING}
            case TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
                jobs |= {JobStatus.RUNNING}
    return (_ANY_JOB, set()) if jobs == _ANY_JOB else (jobs, besides)


def _rest(scan: TaskScan, filter_: TaskFilter) -> TaskScan:
    """Returns the scan with all filters that do not drive it."""
    if filter_.ordinal is not None:
        scan = scan.and_("of_ordinal", ordinal=filter_.ordinal)
    if filter_.target_id is not None and "by_target" not in scan.parts:
        scan = scan.and_("of_target", target_id=filter_.target_id)
    if filter_.source_id is not None and "by_source" not in scan.parts:
        scan = scan.and_("by_source", source_id=filter_.source_id)
    if filter_.engine_ids is not None:
        scan = scan.and_("of_engines", engine_ids=list(filter_.engine_ids))
    if filter_.statuses:
        scan = scan.and_("of_statuses", statuses=[status.value for status in filter_.statuses])
    if filter_.failure_reasons is not None:
        scan = scan.and_("of_reasons", reasons=list(filter_.failure_reasons))
    if filter_.other_reasons_than is not None:
        scan = scan.and_("without_reasons", reasons=list(filter_.other_reasons_than))
    if filter_.in_backlog is not None:
        scan = scan.and_("in_backlog" if filter_.in_backlog else "not_in_backlog")
    if filter_.is_claimable is not None:
        scan = scan.and_("claimable" if filter_.is_claimable else "not_claimable")
    if filter_.created_from is not None or filter_.created_to is not None:
        scan = scan.and_("created", **pages.created(filter_.created_from, filter_.created_to))
    if filter_.modified_from is not None or filter_.modified_to is not None:
        scan = scan.and_(
            "modified",
            modified_from=-NEVER if filter_.modified_from is None else filter_.modified_from,
            modified_to=NEVER if filter_.modified_to is None else filter_.modified_to,
        )
    return scan
