"""Jobs in storage: made whole, read whole, cancelled by one row, dropped in batches."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from enginehouse.domain.event import JOB, Detail, EventKind
from enginehouse.domain.ids import first_job_id
from enginehouse.domain.items import WHOLE
from enginehouse.domain.job import Job, JobFilter, Plan, Shape, TargetRequest, Task
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, TaskStatus
from enginehouse.storage import barriers, reuse, settling, targets
from enginehouse.storage import plans as stored
from enginehouse.storage.audit_log import Entry
from enginehouse.storage.database import Row, Tx
from enginehouse.storage.keys import Keyed
from enginehouse.storage.plans import Plans

NEVER = 9_223_372_036_854_775_807


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a job comes from: a scheduled job, the slot it was started for, the template it was made from."""

    scheduled_job_id: int | None = None
    slot_at: int | None = None
    template_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to store: its plan worked out, and which of its tasks can start at once.

    `target` describes one to make in the same transaction; `target_id` names one that is there. `reused` names tasks
    that are complete by the outputs they have in the job `retry_of`, each with the job that made those; such a task is
    neither in `runnable` nor in `total`.
    """

    organization_id: int
    plan: Plan
    document: str
    shape: Shape
    statuses: tuple[TaskStatus, ...]
    runnable: frozenset[int]
    total: int
    target_id: int | None = None
    target: TargetRequest | None = None
    created_by: str | None = None
    due_at: int | None = None
    retry_of: int | None = None
    root_of: int | None = None
    reused: Mapping[int, int] | None = None
    origin: Origin | None = None


class Creation(msgspec.Struct, frozen=True, gc=False):
    """What one caller has made: its jobs, all or none, with the key of its request.

    `warnings` are told with each; None where there are none.
    `entries` are recorded with them: one for each job, about it.
    """

    jobs: Sequence[NewJob]
    key: Keyed | None = None
    entries: Sequence[Entry] = ()
    warnings: Sequence[tuple[str, ...]] | None = None


async def create(tx: Tx, plans: Plans, jobs: Sequence[NewJob], *, shard: int = 0) -> list[tuple[int, int | None]]:
    """All jobs exist, whole, with the targets described with them; answers the ids of each job and its target.

    Raises SourceGone where outputs are to be reused of a job that is not there any more.
    """
    await tx.lock("barrier", shared=True)
    retried = await _lock_retried(tx, jobs)
    now = await tx.read_clock()
    target_ids = await _make_targets(tx, jobs)
    ids = await _insert_rows(tx, jobs, target_ids, now)
    tasks, items, origins = list[Row](), list[Row](), list[Row]()
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for job_id, job in zip(ids, jobs, strict=True):
        for ordinal, task in enumerate(job.plan.tasks):
            first = 1 if ordinal in job.runnable else 0
            tasks.append(
                (job_id, ordinal, job.statuses[ordinal], task.engine_id, job.shape.waits_for[ordinal], first, now)
            )
            if first:
                items.append(settling.item_row(job.plan, job_id, job.organization_id, ordinal, 0, WHOLE, now))
        counts[job.organization_id, JobStatus.PENDING.value] += 1
        if (origin := job.origin) is not None:
            origins.append((job_id, origin.scheduled_job_id, origin.slot_at, origin.template_id))
        plans.keep(job_id, job.plan, job.shape)
    await tx.many("jobs.insert_documents", [(i, job.document) for i, job in zip(ids, jobs, strict=True)])
    await tx.many("jobs.insert_tasks", tasks)
    await tx.many("work.insert_items", items)
    await tx.many("schedules.mark_jobs", origins)
    await settling.count_jobs(tx, counts, shard=shard)
    if retried:
        await _follow_retried(tx, retried, list(zip(ids, jobs, strict=True)), shard)
    return list(zip(ids, target_ids, strict=True))


async def _lock_retried(tx: Tx, jobs: Sequence[NewJob]) -> set[tuple[int | None, int]]:
    """Those of the jobs done again that are still there, each with its organization; none can be deleted meanwhile."""
    again = {job.retry_of for job in jobs if job.retry_of is not None}
    found = {(row[0], row[1]) for row in await tx.all("work.lock_jobs", ids=sorted(again))} if again else set()
    if any(job.reused and (job.retry_of, job.organization_id) not in found for job in jobs):
        raise reuse.SourceGone
    return found


async def _follow_retried(
    tx: Tx, retried: set[tuple[int | None, int]], made: Sequence[tuple[int, NewJob]], shard: int
) -> None:
    """What was done again says so, and what is reused of it stands in the new jobs."""
    told, births = list[Row](), list[reuse.Birth]()
    for job_id, job in made:
        if job.retry_of is None or (job.retry_of, job.organization_id) not in retried:
            continue
        told.append(settling.event_row(job.retry_of, JOB, EventKind.RETRIED, tx.now, Detail(job=job_id)))
        if job.reused:
            births.append(
                reuse.Birth(
                    job_id, job.organization_id, job.retry_of, job.reused, job.plan, job.shape, job.statuses,
                    job.runnable, job.total,
                )
            )  # fmt: skip
    await tx.many("work.insert_events", told)
    if births:
        await reuse.settle(tx, births, shard=shard)


async def _make_targets(tx: Tx, jobs: Sequence[NewJob]) -> list[int | None]:
    """The target of each job, made where it was described."""
    described = [job for job in jobs if job.target is not None]
    if not described:
        return [job.target_id for job in jobs]
    first = await targets.reserve(tx, len(described))
    rows = [
        targets.TargetRow(
            id=first + n, organization_id=job.organization_id, created_by=job.created_by, request=job.target
        )
        for n, job in enumerate(described)
        if job.target is not None
    ]
    await targets.insert(tx, rows)
    made = iter(range(first, first + len(rows)))
    return [job.target_id if job.target is None else next(made) for job in jobs]


async def _insert_rows(tx: Tx, jobs: Sequence[NewJob], target_ids: Sequence[int | None], now: int) -> list[int]:
    """The job rows exist. An id that another server took in the same microsecond gives way to the next."""
    following = first_job_id(now)
    ids: list[int] = [0] * len(jobs)
    waiting = list(range(len(jobs)))
    while waiting:
        for place in waiting:
            ids[place] = following
            following += 1
        rows = [_job_row(ids[place], jobs[place], target_ids[place], now) for place in waiting]
        taken = {row[0] for row in await tx.each("jobs.insert", rows)}
        waiting = [place for place in waiting if ids[place] not in taken]
    return ids


def _job_row(job_id: int, job: NewJob, target_id: int | None, now: int) -> Row:
    return (
        job_id, job.organization_id, JobStatus.PENDING.value, job.total, 0, target_id, job.created_by, job.due_at,
        job.retry_of, job.root_of, now,
    )  # fmt: skip


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
    if any(settling for _, _, settling in rows):
        covered = await barriers.covered_by_status(tx, organization_id)
        totals.subtract(covered)
        totals[JobStatus.ABORTED.value] += sum(covered.values())
    return totals


async def _settling(tx: Tx, organization_id: int, wanted: JobFilter) -> bool:
    """Whether the filter or the order looks at what an open bulk cancel has changed and rows do not say yet."""
    looks = wanted.statuses or wanted.order_by == "modified_at" or wanted.modified_from is not None
    if not looks and wanted.modified_to is None:
        return False
    return await barriers.is_open(tx, organization_id)


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
