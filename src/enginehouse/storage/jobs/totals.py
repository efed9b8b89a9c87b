"""How many jobs match a filter on all pages of their list. Of the filters that come most, stored counts say it."""

from dataclasses import replace

from enginehouse.domain.job import JobFilter
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import job_scans, queries
from enginehouse.storage.jobs.counts import jobs_of_engine, jobs_of_failure, jobs_of_schedules, jobs_with_schedule


async def count(tx: Tx, organization_id: int, filter_: JobFilter) -> int:
    """Returns how many jobs match on all pages. With only a status, engine, failure or schedules, or that there is one,
    the counts say it.
    """
    applying = not is_counted(filter_) and await job_scans.rows_may_differ(tx, organization_id, filter_)
    return await matching_count(tx, organization_id, filter_, applying=applying)


async def matching_count(tx: Tx, organization_id: int, filter_: JobFilter, *, applying: bool) -> int:
    """The same. `applying`: a bulk cancel is open that changes what matches before the rows say so."""
    if is_counted(filter_):
        return matching(await queries.counts_by_status(tx, organization_id), filter_)
    if len(filter_.engine_ids) == 1 and _unfiltered(replace(filter_, engine_ids=())):
        return await jobs_of_engine(tx, organization_id, filter_.engine_ids[0])
    reasons = set(filter_.failure_reasons)  # a job may have several
    if len(reasons) == 1 and "" not in reasons and _unfiltered(replace(filter_, failure_reasons=())):
        return await jobs_of_failure(tx, organization_id, *reasons)
    if filter_.schedule_ids is not None and _unfiltered(replace(filter_, schedule_ids=None)):
        return await jobs_of_schedules(tx, organization_id, filter_.schedule_ids)
    if filter_.has_schedule is not None and _unfiltered(replace(filter_, has_schedule=None)):
        named = await jobs_with_schedule(tx, organization_id)
        return named if filter_.has_schedule else await _all(tx, organization_id) - named
    total = 0
    for scan in job_scans.scans(organization_id, filter_, applying=applying, total=True):
        [(jobs,)] = await tx.all(scan.number(), **scan.params)
        total += int(jobs)
    return total


async def _all(tx: Tx, organization_id: int) -> int:
    return (await queries.counts_by_status(tx, organization_id)).totals.total()


def matching(counts: queries.StatusCounts, filter_: JobFilter) -> int:
    """Returns how many jobs match, by the stored counts. The filter `is_counted`."""
    return sum([jobs for word, jobs in counts.totals.items() if not filter_.statuses or word in filter_.statuses])


def is_counted(filter_: JobFilter) -> bool:
    """Returns True if the stored counts by status say how many jobs match."""
    return _unfiltered(replace(filter_, statuses=()))


def _unfiltered(filter_: JobFilter) -> bool:
    """True if every job matches."""
    return filter_ == JobFilter(
        offset=filter_.offset, limit=filter_.limit,
        order_by=filter_.order_by, descending=filter_.descending,
    )  # fmt: skip
