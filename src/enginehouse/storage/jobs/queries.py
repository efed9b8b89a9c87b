"""Reads jobs: their status, whole jobs, the numbers of jobs in each status."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.job import Job, Plan, Task
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import plans
from enginehouse.storage.jobs.views import JobViews


class JobRow(NamedTuple):
    """A job without its plan. `covered_at`: since when an open bulk cancel has aborted it. `retries` is JSON text.

    `version` tells two writes of the row apart where the time does not.
    """

    id: int
    organization_id: int
    status: str
    cancelled: int
    target_id: int | None
    created_by: str | None
    due_at: int | None
    retry_of: int | None
    created_at: int
    modified_at: int
    started_at: int | None
    completed_at: int | None
    aborted_at: int | None
    stop_requested_at: int | None
    stopping: int
    covered_at: int | None
    root_of: int | None
    paused_at: int | None
    scheduled_job_id: int | None
    slot_at: int | None
    template_id: int | None
    retries: str | None
    plan_revision: int
    version: int


class TaskRow(NamedTuple):
    """A task of a job. The first one has the document of the plan."""

    job_id: int
    ordinal: int
    status: str
    items: int
    items_open: int
    items_failed: int
    attempts: int
    modified_at: int
    queued_at: int | None
    started_at: int | None
    completed_at: int | None
    aborted_at: int | None
    failure_reason: str | None
    failure_message: str | None
    items_running: int
    reused_from: int | None
    deleted_at: int | None
    document: str | None


_IDS: Final = msgspec.json.Decoder(list[int])
_JOB_WORDS: Final = {status.value: status for status in JobStatus}
_TASK_WORDS: Final = {status.value: status for status in TaskStatus}
_BY_IDS: Final = Select("jobs.by_ids", JobRow)
_TASKS: Final = Select("jobs.tasks", TaskRow)


async def status(tx: Tx, organization_id: int, job_id: int) -> JobStatus | None:
    """Returns the job's status; None if the organization has no such job."""
    row = await tx.one("jobs.status", id=job_id, organization_id=organization_id)
    return None if row is None else JobStatus(*row)


async def statuses(tx: Tx, jobs: Sequence[tuple[int, int]]) -> list[JobStatus | None]:
    """Returns the status of each (job, organization), or None if there is no such job; in one statement."""
    rows = await tx.each("jobs.statuses", sorted(set(jobs)))
    status_of = {(job_id, organization_id): JobStatus(word) for job_id, organization_id, word in rows}
    return [status_of.get(key) for key in jobs]


async def by_ids(tx: Tx, organization_id: int, job_ids: Sequence[int], views: JobViews | None = None) -> dict[int, Job]:
    """Returns those of the jobs that belong to the organization, with plan, tasks and retries.

    Only what is not in `views` is read whole, and kept there. Give them only to a transaction that writes nothing: they
    must not learn what may be rolled back.
    """
    rows = await _BY_IDS.all(tx, ids=list(job_ids), organization_id=organization_id)
    return await _jobs(tx, organization_id, rows, {} if views is None else views.of(rows), views)


async def by_ids_if_known(
    tx: Tx, organization_id: int, job_ids: Sequence[int], views: JobViews, *, most: int
) -> dict[int, Job] | None:
    """Returns the same; None if more than `most` of the jobs are not in `views` as they are."""
    rows = await _BY_IDS.all(tx, ids=list(job_ids), organization_id=organization_id)
    known = views.of(rows)
    return None if len(rows) - len(known) > most else await _jobs(tx, organization_id, rows, known, views)


async def _jobs(
    tx: Tx, organization_id: int, rows: Sequence[JobRow], known: dict[int, Job], views: JobViews | None
) -> dict[int, Job]:
    if len(known) < len(rows):
        changed = [row for row in rows if row.id not in known]
        read = await _read(tx, changed)
        if views is not None:
            views.keep((row, *read[row.id]) for row in changed)
        known |= {job_id: job for job_id, (job, _) in read.items()}
    return known


async def _read(tx: Tx, rows: Sequence[JobRow]) -> dict[int, tuple[Job, int]]:
    """Returns the jobs of these rows, each with the length of its document."""
    tasks: dict[int, list[TaskRow]] = defaultdict(list)
    for task in await _TASKS.all(tx, ids=[row.id for row in rows]):
        tasks[task.job_id].append(task)
    documents = {job_id: found[0].document or "" for job_id, found in tasks.items()}
    return {row.id: (_job(row, documents[row.id], tasks[row.id]), len(documents[row.id])) for row in rows}


async def of_template(tx: Tx, organization_id: int, template_id: int, *, limit: int) -> list[int]:
    """Returns the ids of the newest jobs of the organization that were launched from the template."""
    rows = await tx.all("jobs.of_template", organization_id=organization_id, template_id=template_id, limit=limit)
    return [job_id for (job_id,) in rows]


def _job(row: JobRow, document: str, tasks: list[TaskRow]) -> Job:
    plan = plans.decode(document)
    status, modified_at, aborted_at = _JOB_WORDS[row.status], row.modified_at, row.aborted_at
    # While attempts must still stop, the job is not aborted yet, but its tasks that had not started are.
    cancelled_at = (aborted_at or row.stop_requested_at) if row.cancelled else None
    if row.covered_at is not None:
        # An open bulk cancel has aborted it; its row will get exactly these values.
        status, modified_at, aborted_at, cancelled_at = (
            JobStatus.ABORTED,
            row.covered_at,
            row.covered_at,
            row.covered_at,
        )
    return Job(
        id=row.id,
        organization_id=row.organization_id,
        status=status,
        plan=plan,
        tasks=tuple(_task(task, plan, row.created_at, cancelled_at) for task in tasks),
        target_id=row.target_id,
        created_by=row.created_by,
        due_at=row.due_at,
        retry_of=row.retry_of,
        root_of=row.root_of,
        retries=() if row.retries is None else tuple(sorted(_IDS.decode(row.retries))),
        created_at=row.created_at,
        modified_at=modified_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        aborted_at=aborted_at,
        stop_requested_at=row.stop_requested_at,
        stopping=row.stopping,
        paused_at=None if status in JOB_ENDED else row.paused_at,
        scheduled_job_id=row.scheduled_job_id,
        slot_at=row.slot_at,
        template_id=row.template_id,
    )


def _task(row: TaskRow, plan: Plan, created_at: int, cancelled_at: int | None) -> Task:
    """Returns the view of a task. In a cancelled job, a task that had not ended is aborted; no row stores that.

    A task with an attempt that must still stop is running until the attempt ends.
    """
    status, modified_at, aborted_at = _TASK_WORDS[row.status], row.modified_at, row.aborted_at
    if cancelled_at is not None and status not in TASK_ENDED and not row.items_running:
        status, modified_at, aborted_at = TaskStatus.ABORTED, cancelled_at, cancelled_at
    return Task(
        job_id=row.job_id,
        ordinal=row.ordinal,
        plan=plan.tasks[row.ordinal],
        status=status,
        created_at=plan.tasks[row.ordinal].added_at or created_at,
        modified_at=modified_at,
        queued_at=row.queued_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        aborted_at=aborted_at,
        attempts=row.attempts,
        items=row.items,
        items_open=row.items_open,
        items_done=row.items - row.items_open - row.items_failed,
        items_failed=row.items_failed,
        failure_reason=row.failure_reason,
        failure_message=row.failure_message,
        reused_from=row.reused_from,
        deleted_at=row.deleted_at,
    )


class StatusCounts(NamedTuple):
    """How many jobs an organization has in each status. `applying`: an open bulk cancel has aborted some of them."""

    totals: Counter[str]
    applying: bool


async def counts_by_status(tx: Tx, organization_id: int) -> StatusCounts:
    """Returns how many jobs the organization has in each status, from the stored counts."""
    rows = await tx.all("jobs.counts_by_status", organization_id=organization_id)
    totals = Counter({word: int(jobs) for word, jobs, _ in rows})
    applying = any(open_cancels for _, _, open_cancels in rows)
    if applying:
        covered = await barriers.covered_by_status(tx, organization_id)
        totals.subtract(covered)
        totals[JobStatus.ABORTED.value] += sum(covered.values())
    return StatusCounts(totals, applying)
