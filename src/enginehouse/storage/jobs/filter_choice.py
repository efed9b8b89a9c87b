"""Which filter drives a list of jobs: the one that is expected to match the fewest jobs, and has an index."""

from collections.abc import Iterable

from enginehouse.domain.job import JobFilter
from enginehouse.domain.status import JobStatus


def driver(filter_: JobFilter, *, total: bool) -> str:
    """Returns the filter that is expected to match the fewest jobs, among those with an index in the list's order."""
    narrow = {
        "ids": filter_.ids,
        "target": filter_.target_id,
        "schedule": filter_.schedule_ids,
        "name": filter_.name,
        "core": filter_.core_id,
    }
    for name, value in narrow.items():
        if value is not None:
            return name
    by_creation = filter_.order_by == "created_at" or total
    if filter_.paused and by_creation:
        return "paused"
    if filter_.failure_reasons:
        return "failure"
    if by_creation:
        engines = len(set(filter_.engine_ids))
        if engines == 1 or (engines and not total):  # in a total, a job of two engines counts once
            return "engine"
    return "status"


def has_settled(filter_: JobFilter) -> bool:
    """Returns True if an index holds the matching jobs that do not run by their last change.

    That index changes when a job starts and ends, not while it runs: those that run are found by their status.
    """
    return not filter_.statuses and bool(filter_.paused or filter_.has_target or filter_.has_schedule)


def statuses(filter_: JobFilter, *, total: bool) -> Iterable[JobStatus]:
    """Returns the statuses to read one by one. The index by the last change begins with the status."""
    by_change = filter_.order_by == "modified_at" and not total
    in_range = total and (filter_.modified_from, filter_.modified_to) != (None, None)
    return sorted(set(filter_.statuses)) or (JobStatus if by_change or in_range else ())
