"""Jobs as lists show them: one statement reads the lines of a page, however many tasks their jobs have."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.job import JobFilter
from enginehouse.domain.job_summary import JobSummary
from enginehouse.domain.status import JOB_ENDED, JobStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import pages
from enginehouse.storage.jobs.queries import StatusCounts


class SummaryRow(NamedTuple):
    """A job in a list; `tasks` is JSON text. `covered_at`: since when an open bulk cancel has aborted it."""

    id: int
    status: str
    name: str | None
    created_at: int
    modified_at: int
    started_at: int | None
    paused_at: int | None
    covered_at: int | None
    started: int
    cancelled: int
    tasks: str


_SUMMARIES: Final = Select("jobs.summaries", SummaryRow)
_CURRENT: Final = Select("jobs.current", SummaryRow)
_TASKS: Final = msgspec.json.Decoder(tuple[int, int, list[str] | None])


async def by_ids(tx: Tx, organization_id: int, job_ids: Sequence[int]) -> dict[int, JobSummary]:
    """Returns those of the jobs that belong to the organization."""
    if not job_ids:
        return {}
    rows = await _SUMMARIES.all(tx, ids=sorted(set(job_ids)), organization_id=organization_id)
    return {row.id: _summary(row) for row in rows}


class CurrentJobs(NamedTuple):
    """The jobs that wait longest, the newest that run, and those that failed last."""

    oldest_waiting: tuple[JobSummary, ...]
    running: tuple[JobSummary, ...]
    failed: tuple[JobSummary, ...]


async def current(tx: Tx, organization_id: int, counts: StatusCounts, *, limit: int) -> CurrentJobs:
    """Returns so many jobs of the organization of each of these kinds. `counts` are those of this transaction."""
    if counts.applying:  # what the rows say is not what holds
        found = [(await pages.counted_page(tx, organization_id, each, counts))[0] for each in _filters(limit)]
        known = await by_ids(tx, organization_id, [job_id for ids in found for job_id in ids])
        return CurrentJobs(*(tuple(known[job_id] for job_id in ids if job_id in known) for ids in found))
    rows = [_summary(row) for row in await _CURRENT.all(tx, organization_id=organization_id, limit=limit)]
    waiting, running, failed = ([job for job in rows if job.status in each.statuses] for each in _filters(limit))
    return CurrentJobs(
        tuple(sorted(waiting, key=lambda job: job.id)[:limit]),
        tuple(sorted(running, key=lambda job: -job.id)),
        tuple(sorted(failed, key=lambda job: (-job.modified_at, -job.id))),
    )


def _filters(limit: int) -> tuple[JobFilter, JobFilter, JobFilter]:
    return (
        JobFilter(statuses=(JobStatus.PENDING, JobStatus.QUEUED), descending=False, limit=limit),
        JobFilter(statuses=(JobStatus.RUNNING,), limit=limit),
        JobFilter(statuses=(JobStatus.FAILED,), order_by="modified_at", limit=limit),
    )


async def in_order(tx: Tx, organization_id: int, job_ids: Sequence[int]) -> tuple[JobSummary, ...]:
    """Returns the same jobs, in the order of the ids."""
    found = await by_ids(tx, organization_id, job_ids)
    return tuple([found[job_id] for job_id in job_ids if job_id in found])


def _summary(row: SummaryRow) -> JobSummary:
    # A job that an open bulk cancel covers is aborted, and its row will get this time.
    tasks, complete, engine_ids = _TASKS.decode(row.tasks)
    status = JobStatus(row.status) if row.covered_at is None else JobStatus.ABORTED
    return JobSummary(
        id=row.id,
        status=status,
        name=row.name,
        created_at=row.created_at,
        modified_at=row.modified_at if row.covered_at is None else row.covered_at,
        started_at=row.started_at,
        paused_at=None if status in JOB_ENDED else row.paused_at,
        tasks=tasks,
        complete=complete,
        started=bool(row.started),
        cancelled=bool(row.cancelled),
        engine_ids=tuple(sorted(engine_ids or ())),
    )
