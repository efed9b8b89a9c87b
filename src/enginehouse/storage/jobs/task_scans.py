"""The statements behind the lists of tasks: one filter drives a statement, the others are checked.

A task that has not ended has no index of its own. The status of a job says which statuses its tasks can have, so a
filter by status reads the jobs that can match.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.domain.task_filter import TaskFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sql import shape
from enginehouse.storage.jobs import job_bounds
from enginehouse.storage.jobs.job_bounds import NEVER

TaskPlace = tuple[int, ...]
"""The values that order a task: (when it changed, job, ordinal) or (job, ordinal)."""

ANY_JOB: Final = frozenset(JobStatus)
LIVE: Final = ANY_JOB - JOB_ENDED
LIST: Final = "tasks.list"
OF_ENGINE: Final = "tasks.list_of_engine"


@dataclass(frozen=True, slots=True)
class TaskScan:
    """A statement: its family, the parts that its filters choose, and the parameters of these."""

    parts: frozenset[str]
    params: dict[str, Any]
    family: str = LIST

    def and_(self, part: str, **params: object) -> "TaskScan":
        return replace(self, parts=self.parts | {part}, params=self.params | params)

    def page(self, order: str) -> str:
        """Returns the name of the statement for a page in this order."""
        return shape(self.family, self.parts | {"page", order})

    def number(self, what: str = "total") -> str:
        """Returns the name of the statement for these numbers of the tasks."""
        return shape(self.family, self.parts | {what})


def is_wide(filter_: TaskFilter) -> bool:
    """True if neither jobs nor targets are named."""
    return filter_.job_ids is None and filter_.target_id is None and filter_.source_id is None


def scans(
    organization_id: int,
    filter_: TaskFilter,
    *,
    applying: bool = False,
    by_engine: bool = True,
    few_of_engines: bool = False,
    unended: bool = False,
) -> list[TaskScan]:
    """Returns the statements whose tasks are together those of the filter. No task is in two of them.

    `applying`: an open bulk cancel has aborted jobs whose rows are not updated yet. `by_engine`: an engine may drive;
    `few_of_engines`: also in the order of changes, because so few jobs name one. `unended`: only tasks whose rows do
    not say that they have ended.
    """
    start = TaskScan(frozenset({"unended"} if unended else ()), {"organization_id": organization_id})
    statuses, besides = job_statuses(filter_, applying=applying, unended=unended)
    if filter_.job_ids is not None:
        driven = [start.and_("of_ids", ids=list(filter_.job_ids))]
    elif filter_.target_id is not None:
        driven = [start.and_("by_target", target_id=filter_.target_id)]
    elif filter_.source_id is not None:
        driven = [start.and_("by_source", source_id=filter_.source_id)]
    elif statuses != ANY_JOB and not (unended and few_of_engines):
        driven = [start.and_("by_status", job_status=status.value) for status in sorted(statuses)]
        others = [status.value for status in sorted(ANY_JOB - statuses)]
        found = [checked(scan, filter_) for scan in driven]
        for part, those in sorted(besides.items()):  # a job may be in several, but its tasks of one status are in one
            beside = start.and_(part)
            beside = beside.and_("of_job_statuses", job_statuses=others) if statuses else beside
            found.append(checked(beside, replace(filter_, statuses=tuple(sorted(those)))))
        return found
    elif by_engine and filter_.engine_ids is not None and (few_of_engines or filter_.order_by == "created_at"):
        engines = replace(start, family=OF_ENGINE)
        return [
            checked(replace(engines, params=engines.params | {"engine_id": one}), replace(filter_, engine_ids=None))
            for one in sorted(set(filter_.engine_ids))
        ]
    else:
        driven = [start]
    return [checked(scan, filter_) for scan in driven]


def statuses_of(filter_: TaskFilter) -> frozenset[TaskStatus]:
    """Returns the statuses that matching tasks can have."""
    statuses = frozenset(filter_.statuses or TaskStatus)
    if filter_.in_backlog:
        statuses &= {TaskStatus.PENDING, TaskStatus.QUEUED}
    if filter_.is_claimable:
        statuses -= TASK_ENDED
    if filter_.failure_reasons is not None or filter_.other_reasons_than is not None:
        statuses &= {TaskStatus.FAILED}
    return statuses


def job_statuses(
    filter_: TaskFilter, *, applying: bool = False, unended: bool = False
) -> tuple[frozenset[JobStatus], dict[str, frozenset[TaskStatus]]]:
    """Returns the statuses that the jobs of matching tasks can have, and which other jobs can have one of what status.

    `unended`: only of tasks whose rows do not say that they have ended. In a job that has ended and was not cancelled,
    every task has.
    """
    statuses = statuses_of(filter_)
    if statuses >= {TaskStatus.COMPLETE, TaskStatus.PENDING} and not unended:
        return ANY_JOB, {}  # hardly a job has neither
    jobs, besides = frozenset[JobStatus](), dict[str, frozenset[TaskStatus]]()
    for status in statuses:
        match status:
            case TaskStatus.COMPLETE:
                jobs |= {JobStatus.COMPLETE, JobStatus.RUNNING}
                besides |= {"partly_complete": _only(status), "partly_ended": _only(status)}
            case TaskStatus.FAILED:
                besides["with_failures"] = _only(status)
            case TaskStatus.ABORTED:
                jobs |= {JobStatus.ABORTED} | (LIVE if applying else {JobStatus.RUNNING} if unended else set())
                besides["partly_aborted"] = _only(status)
            case TaskStatus.PENDING | TaskStatus.STANDBY_PENDING:
                jobs |= {JobStatus.PENDING, JobStatus.RUNNING} | ({JobStatus.QUEUED} if unended else set())
                besides["partly_queued"] = statuses & {TaskStatus.PENDING, TaskStatus.STANDBY_PENDING}
            case TaskStatus.QUEUED:
                jobs |= {JobStatus.QUEUED, JobStatus.RUNNING}
            case TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
                jobs |= {JobStatus.RUNNING}
    if unended:
        return jobs - {JobStatus.COMPLETE}, {}
    return jobs, besides


def _only(status: TaskStatus) -> frozenset[TaskStatus]:
    return frozenset({status})


def checked(scan: TaskScan, filter_: TaskFilter) -> TaskScan:
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
        scan = scan.and_("created", **job_bounds.created(filter_.created_from, filter_.created_to))
    if is_bounded(filter_):
        scan = scan.and_("modified", **range_of(filter_))
    return scan


async def rows(tx: Tx, found: list[TaskScan], filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the page of all scans together, in order: what orders each task."""
    by_change = filter_.order_by == "modified_at"
    names = ("last_modified", "first_modified") if by_change else ("newest", "oldest")
    order = names[0] if filter_.descending else names[1]
    until, places = filter_.offset + filter_.limit, list[TaskPlace]()
    alone = len(found) == 1
    for scan in found:
        limit, offset = (filter_.limit, filter_.offset) if alone else (until, 0)
        read = await tx.all(scan.page(order), **scan.params, limit=limit, offset=offset)
        places += [(changed_at, *key) if by_change else tuple(key) for *key, changed_at in read]
    return places if alone else sorted(places, reverse=filter_.descending)[filter_.offset : until]


async def first(tx: Tx, found: Iterable[TaskScan], filter_: TaskFilter) -> list[TaskPlace]:
    """Returns the first tasks of all scans together, in order."""
    order, places = "last_modified" if filter_.descending else "first_modified", list[TaskPlace]()
    for scan in found:
        rows = await tx.all(scan.page(order), **scan.params, limit=filter_.limit)
        places += [(changed_at, job_id, ordinal) for job_id, ordinal, changed_at in rows]
    return sorted(places, reverse=filter_.descending)[: filter_.limit]


def up_to(filter_: TaskFilter, change: int) -> TaskFilter:
    """Returns the filter for the tasks that are not behind this change."""
    if filter_.descending:
        return replace(filter_, modified_from=max(change, filter_.modified_from or change))
    return replace(filter_, modified_to=min(change, filter_.modified_to or change))


def is_bounded(filter_: TaskFilter) -> bool:
    """True if the tasks changed in a range."""
    return (filter_.modified_from, filter_.modified_to) != (None, None)


def range_of(filter_: TaskFilter) -> dict[str, int]:
    """Returns the bounds of the last change."""
    return {
        "modified_from": -NEVER if filter_.modified_from is None else filter_.modified_from,
        "modified_to": NEVER if filter_.modified_to is None else filter_.modified_to,
    }
