"""Creates jobs: their rows, tasks, first items and targets, all in one transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from enginehouse.domain.event import JOB, Detail, EventKind
from enginehouse.domain.ids import first_job_id
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.work import WHOLE
from enginehouse.storage import events, targets
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import counts, reuse, traces
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.jobs.rates import CREATED
from enginehouse.storage.pushes import endpoints
from enginehouse.storage.work import job_locks, work_items

_PENDING: Final = JobStatus.PENDING.value


async def create(tx: Tx, plans: Plans, jobs: Sequence[NewJob]) -> list[tuple[int, int | None]]:
    """Creates all jobs whole, with the new targets that they describe. Returns the ids of each job and its target.

    Raises SourceGone if a job reuses outputs of a job that no longer exists.
    """
    barrier_lock.require_shared(tx)
    retried = await _lock_retried(tx, jobs)
    now = await tx.read_clock()
    target_ids = await _make_targets(tx, jobs)
    ids = await _insert_rows(tx, jobs, target_ids, now)
    item_rows, origins = list[Row](), list[tuple[int, int | None, int | None, int | None]]()
    for job_id, job in zip(ids, jobs, strict=True):
        for ordinal in job.runnable:
            item_rows.append(work_items.row(job.plan, job.edges, job_id, job.organization_id, ordinal, 0, WHOLE, now))
        if (origin := job.origin) is not None:
            origins.append((job_id, origin.scheduled_job_id, origin.slot_at, origin.template_id))
    plans.keep_new(zip(ids, jobs, strict=True))
    await _insert_tasks(tx, ids, jobs, now)
    await work_items.insert(tx, item_rows)
    await tx.many("jobs.mark_origins", origins)
    taking = [(job_id, job) for job_id, job in zip(ids, jobs, strict=True) if job.edges.takes_pushes]
    await endpoints.insert(tx, [(job_id, job.organization_id, job.plan.routes) for job_id, job in taking])
    if standbys := [job_id for job_id, job in zip(ids, jobs, strict=True) if _has_standby(job)]:
        await tx.run("jobs.mark_standbys", ids=standbys)
    if traced := [(job_id, job.traceparent) for job_id, job in zip(ids, jobs, strict=True) if job.traceparent]:
        await traces.insert(tx, traced)
    changes = _counted(jobs)
    if retried:
        await _follow_retried(tx, retried, list(zip(ids, jobs, strict=True)), changes)
    await counts.add(tx, changes)
    return list(zip(ids, target_ids, strict=True))


async def _lock_retried(tx: Tx, jobs: Sequence[NewJob]) -> set[tuple[int | None, int]]:
    """Locks the jobs that are retried, so that none can be deleted. Returns those that exist, with organizations."""
    again = {job.retry_of for job in jobs if job.retry_of is not None}
    locked = await job_locks.lock(tx, again) if again else {}
    still_there: set[tuple[int | None, int]] = {(job.id, job.organization_id) for job in locked.values()}
    if any(job.reused and (job.retry_of, job.organization_id) not in still_there for job in jobs):
        raise reuse.SourceGone
    return still_there


def _counted(jobs: Sequence[NewJob]) -> counts.CountChanges:
    """Counts the jobs, their tasks, engines and schedules. Jobs of one shape are counted together.

    A reused task is counted as one that waits, and completes later.
    """
    changes = counts.CountChanges()
    beginnings = {id(job.beginning): job.beginning for job in jobs}
    alike = Counter((job.organization_id, id(job.beginning)) for job in jobs)
    for (organization_id, known), number in alike.items():
        changes.jobs[organization_id, _PENDING] += number
        changes.moves[organization_id, CREATED] += number
        for engine_id in beginnings[known].engine_ids:
            changes.engines[organization_id, engine_id] += number
        for engine_id, status, ready, tasks in beginnings[known].tasks:
            changes.tasks[organization_id, engine_id, status, "", ready] += number * tasks
    for job in jobs:
        if job.origin is not None and job.origin.scheduled_job_id is not None:
            changes.schedules[job.organization_id, job.origin.scheduled_job_id] += 1
        for ordinal in job.reused or ():
            if ordinal in job.beginning.ready:
                engine_id = job.plan.tasks[ordinal].engine_id
                changes.tasks[job.organization_id, engine_id, _PENDING, "", 1] -= 1
                changes.tasks[job.organization_id, engine_id, _PENDING, "", 0] += 1
    return changes


async def _follow_retried(
    tx: Tx,
    retried: set[tuple[int | None, int]],
    created: Sequence[tuple[int, NewJob]],
    changes: counts.CountChanges,
) -> None:
    """Records in the history of each retried job that it was retried, and adds the reused outputs to the new jobs."""
    event_rows, reusing = list[Row](), list[tuple[int, NewJob]]()
    for job_id, job in created:
        if job.retry_of is None or (job.retry_of, job.organization_id) not in retried:
            continue
        event_rows.append(events.row(job.retry_of, JOB, EventKind.RETRIED, tx.now, Detail(job=job_id)))
        if job.reused:
            reusing.append((job_id, job))
    await events.insert(tx, event_rows)
    if reusing:
        await reuse.settle(tx, reusing, changes)


async def _make_targets(tx: Tx, jobs: Sequence[NewJob]) -> list[int | None]:
    """Returns the target of each job. Creates the targets that jobs describe."""
    described = [job for job in jobs if job.target is not None]
    if not described:
        return [job.target_id for job in jobs]
    first = await targets.reserve(tx, len(described))
    rows = [
        targets.NewTarget(
            id=first + n, organization_id=job.organization_id, created_by=job.created_by, request=job.target
        )
        for n, job in enumerate(described)
        if job.target is not None
    ]
    await targets.insert(tx, rows)
    new_ids = iter(range(first, first + len(rows)))
    return [job.target_id if job.target is None else next(new_ids) for job in jobs]


async def _insert_rows(tx: Tx, jobs: Sequence[NewJob], target_ids: Sequence[int | None], now: int) -> list[int]:
    """Inserts the job rows with their plans, and returns the ids. An id that another server has taken is left out."""
    insert = _insert_on_postgres if tx.dialect == "postgres" else _insert_on_sqlite
    following = first_job_id(now)
    ids: list[int] = [0] * len(jobs)
    waiting = list(range(len(jobs)))
    while waiting:
        for place in waiting:
            ids[place] = following
            following += 1
        made = await insert(tx, [_job_row(ids[place], jobs[place], target_ids[place], now) for place in waiting])
        waiting = [place for place in waiting if ids[place] not in made]
    await tx.many("jobs.insert_documents", [(job_id, job.document) for job_id, job in zip(ids, jobs, strict=True)])
    return ids


async def _insert_on_sqlite(tx: Tx, rows: Sequence[Row]) -> set[int]:
    """There is only one writer, so an id that is free now is free for the insert."""
    taken = {job_id for (job_id,) in await tx.all("jobs.taken_ids", first=rows[0][0], last=rows[-1][0])}
    [(last_barrier,)] = await tx.all("jobs.last_barrier")
    free = [row for row in rows if row[0] not in taken] if taken else rows
    await tx.many("jobs.insert", [(*row, last_barrier) for row in free])
    return {row[0] for row in free}


async def _insert_on_postgres(tx: Tx, rows: Sequence[Row]) -> set[int]:
    return {job_id for (job_id,) in await tx.each("jobs.insert_free", rows)}


async def _insert_tasks(tx: Tx, ids: Sequence[int], jobs: Sequence[NewJob], now: int) -> None:
    """Inserts the tasks of the jobs, and which engines each job has."""
    tasks, of_shape = list[Row](), dict[tuple[int, int], list[Row]]()
    for job_id, job in zip(ids, jobs, strict=True):
        # Jobs that were planned from one shape have the same edges, and so the same tasks.
        shape = (job.organization_id, id(job.edges))
        rows = of_shape.get(shape) if job.reused is None else None
        if rows is None:
            rows = _task_rows(job, now)
            if job.reused is None:
                of_shape[shape] = rows
        first = (job_id,)
        tasks += [first + row for row in rows]
    await tx.many("jobs.insert_tasks", tasks)
    engines = [
        (job.organization_id, engine_id, job_id)
        for job_id, job in zip(ids, jobs, strict=True)
        for engine_id in job.beginning.engine_ids
    ]
    await tx.many("jobs.insert_engines", engines)


def _task_rows(job: NewJob, now: int) -> list[Row]:
    """Returns what the rows of the tasks have after the job's id."""
    # A plain word: SQLite's driver takes the member of an enumeration for an object to adapt, in twice the time.
    return [
        (n, status.value, task.engine_id, task.priority, waits_for, int(n in job.runnable), now, job.organization_id)
        for n, (status, task, waits_for) in enumerate(
            zip(job.beginning.statuses, job.plan.tasks, job.edges.waits_for, strict=True)
        )
    ]


def _has_standby(job: NewJob) -> bool:
    return TaskStatus.STANDBY_PENDING in job.beginning.statuses


def _core_id(job: NewJob) -> str | None:
    """Returns the GraphQL server that the job came from, as lists compare it."""
    core_id = job.plan.echo.get("coreID")
    return None if core_id is None else str(core_id).lower()


def _job_row(job_id: int, job: NewJob, target_id: int | None, now: int) -> Row:
    return (
        job_id, job.organization_id, _PENDING, job.total, 0, target_id, job.created_by, job.due_at,
        job.retry_of, job.root_of, job.plan.name, _core_id(job), now, int(job.beginning.notifies), len(job.runnable),
        job.beginning.engine_set,
    )  # fmt: skip
