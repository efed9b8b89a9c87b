"""Jobs in storage: made whole, read whole, cancelled by one row, dropped in batches."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from enginehouse.domain.job import Job, JobFilter, Plan, Task
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.storage import bulk_cancels
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import plans as stored
from enginehouse.storage.work import settlement

NEVER = 9_223_372_036_854_775_807


async def status(tx: Tx, organization_id: int, job_id: int) -> JobStatus | None:
    """The job's status; None where the organization has no such job."""
    row = await tx.one("jobs.status", id=job_id, organization_id=organization_id)
    return JobStatus(row[0]) if row else None


async def statuses(tx: Tx, wanted: Sequence[tuple[int, int]]) -> list[JobStatus | None]:
    """The status of each (job, organization), None where there is none; one statement for all of them."""
    rows = await tx.each("jobs.statuses", sorted(set(wanted)))
    found = {(row[0], row[1]): JobStatus(row[2]) for row in rows}
    return [found.get(key) for key in wanted]


async def by_ids(tx: Tx, organization_id: int, job_ids: Sequence[int]) -> dict[int, Job]:
    """The organization's jobs among these, with plan, tasks and retries."""
    rows = await tx.all("jobs.by_ids", ids=list(job_ids), organization_id=organization_id)
    if not rows:
        return {}
    found = [row[0] for row in rows]
    tasks: dict[int, list[Row]] = defaultdict(list)
    for row in await tx.all("jobs.tasks", ids=found):
        tasks[row[0]].append(row)
    retries: dict[int, list[int]] = defaultdict(list)
    for of, job_id in await tx.all("jobs.retries", ids=found, organization_id=organization_id):
        retries[of].append(job_id)
    return {row[0]: _job(row, tasks[row[0]], tuple(retries[row[0]])) for row in rows}


def _job(row: Row, tasks: list[Row], retries: tuple[int, ...]) -> Job:
    plan = stored.decode(row[13])
    status, created_at, modified_at, aborted_at = JobStatus(row[2]), row[8], row[9], row[12]
    # While attempts are still to stop the job is not aborted yet, but what of it had not started is.
    cancelled_at = (aborted_at or row[14]) if row[3] else None
    if row[16] is not None:
        # An open bulk cancel has aborted it; its row will say exactly this.
        status, modified_at, aborted_at, cancelled_at = JobStatus.ABORTED, row[16], row[16], row[16]
    return Job(
        id=row[0],
        organization_id=row[1],
        status=status,
        plan=plan,
        tasks=tuple(_task(t, plan, created_at, cancelled_at) for t in tasks),
        target_id=row[4],
        created_by=row[5],
        due_at=row[6],
        retry_of=row[7],
        root_of=row[17],
        retries=retries,
        created_at=created_at,
        modified_at=modified_at,
        started_at=row[10],
        completed_at=row[11],
        aborted_at=aborted_at,
        stop_requested_at=row[14],
        stopping=row[15],
        paused_at=None if status in JOB_ENDED else row[18],
        scheduled_job_id=row[19],
        slot_at=row[20],
        template_id=row[21],
    )


def _task(row: Row, plan: Plan, created_at: int, cancelled_at: int | None) -> Task:
    """The task's view. A task of a cancelled job that had not ended is aborted: derived, no row says so.

    One of which an attempt has still to stop is running until it has.
    """
    status, modified_at, aborted_at = TaskStatus(row[2]), row[7], row[11]
    if cancelled_at is not None and status not in TASK_ENDED and not row[14]:
        status, modified_at, aborted_at = TaskStatus.ABORTED, cancelled_at, cancelled_at
    return Task(
        job_id=row[0],
        ordinal=row[1],
        plan=plan.tasks[row[1]],
        status=status,
        created_at=created_at,
        modified_at=modified_at,
        queued_at=row[8],
        started_at=row[9],
        completed_at=row[10],
        aborted_at=aborted_at,
        attempts=row[6],
        items=row[3],
        items_open=row[4],
        items_done=row[3] - row[4] - row[5],
        items_failed=row[5],
        failure_reason=row[12],
        failure_message=row[13],
        reused_from=row[15],
    )


async def page(tx: Tx, organization_id: int, wanted: JobFilter) -> list[int]:
    """The ids of one page, in order."""
    bounds = {"organization_id": organization_id, "limit": wanted.limit, "offset": wanted.offset}
    if wanted == JobFilter(statuses=wanted.statuses, offset=wanted.offset, limit=wanted.limit):
        if not wanted.statuses:
            return [row[0] for row in await tx.all("jobs.newest", **bounds)]
        if len(wanted.statuses) == 1:
            on_the_way = await _settling(tx, organization_id, wanted)
            known = "jobs.newest_while_settling" if on_the_way else "jobs.newest_in_status"
            return [row[0] for row in await tx.all(known, status=wanted.statuses[0].value, **bounds)]
    if wanted.schedule_ids and wanted == JobFilter(
        schedule_ids=wanted.schedule_ids, offset=wanted.offset, limit=wanted.limit
    ):
        of = list(wanted.schedule_ids)
        return [row[0] for row in await tx.all("jobs.newest_of_schedules", schedule_ids=of, **bounds)]
    rows = await tx.all(
        "jobs.page",
        **bounds,
        **_conditions(wanted),
        settling=int(await _settling(tx, organization_id, wanted)),
        by_modified=int(wanted.order_by == "modified_at"),
        direction=-1 if wanted.descending else 1,
    )
    return [row[0] for row in rows]


async def count(tx: Tx, organization_id: int, wanted: JobFilter) -> int:
    """How many jobs match, on all pages together; without other filters from the running counts."""
    plain = JobFilter(
        statuses=wanted.statuses, offset=wanted.offset, limit=wanted.limit,
        order_by=wanted.order_by, descending=wanted.descending,
    )  # fmt: skip
    if wanted == plain:
        totals = await counts_by_status(tx, organization_id)
        return sum(jobs for word, jobs in totals.items() if not wanted.statuses or word in wanted.statuses)
    on_the_way = int(await _settling(tx, organization_id, wanted))
    row = await tx.one("jobs.count", organization_id=organization_id, **_conditions(wanted), settling=on_the_way)
    return int(row[0]) if row else 0


async def counts_by_status(tx: Tx, organization_id: int) -> dict[str, int]:
    """How many jobs the organization has in each status."""
    rows = await tx.all("jobs.counts_by_status", organization_id=organization_id)
    totals = Counter({word: int(jobs) for word, jobs, _ in rows})
    if any(settlement for _, _, settling in rows):
        covered = await bulk_cancels.covered_by_status(tx, organization_id)
        totals.subtract(covered)
        totals[JobStatus.ABORTED.value] += sum(covered.values())
    return totals


async def _settling(tx: Tx, organization_id: int, wanted: JobFilter) -> bool:
    """Whether the filter or the order looks at what an open bulk cancel has changed and rows do not say yet."""
    looks = wanted.statuses or wanted.order_by == "modified_at" or wanted.modified_from is not None
    if not looks and wanted.modified_to is None:
        return False
    return await bulk_cancels.is_open(tx, organization_id)


def _conditions(wanted: JobFilter) -> dict[str, object]:
    return {
        "any_status": int(not wanted.statuses),
        "statuses": [status.value for status in wanted.statuses],
        "any_id": int(wanted.ids is None),
        "ids": list(wanted.ids or ()),
        "target_id": wanted.target_id,
        "has_target": None if wanted.has_target is None else int(wanted.has_target),
        "created_from": wanted.created_from if wanted.created_from is not None else -NEVER,
        "created_to": wanted.created_to if wanted.created_to is not None else NEVER,
        "modified_from": wanted.modified_from if wanted.modified_from is not None else -NEVER,
        "modified_to": wanted.modified_to if wanted.modified_to is not None else NEVER,
        "any_engine": int(not wanted.engine_ids),
        "engine_ids": list(wanted.engine_ids),
        "any_schedule": int(wanted.schedule_ids is None),
        "schedule_ids": list(wanted.schedule_ids or ()),
        "has_schedule": None if wanted.has_schedule is None else int(wanted.has_schedule),
    }
