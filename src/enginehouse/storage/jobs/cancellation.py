"""Cancels jobs by their ids; each decision comes from the job's locked row."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.audit import Entry
from enginehouse.domain.status import JOB_ENDED, JobStatus, Tally, cancellable
from enginehouse.storage.audit import entries
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.facts import JobEnd
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import cancellation_counts, counts, rates, stops
from enginehouse.storage.outbox import ends
from enginehouse.storage.work import work_items

Cancelling = tuple[tuple[int, int], Entry]
"""A (job, organization) to cancel, and its audit entry."""


class JobToCancel(NamedTuple):
    """A locked job. `covered`: an open bulk cancel has aborted it, though its row is not updated yet."""

    id: int
    organization_id: int
    status: str
    tasks_total: int
    tasks_queued: int
    tasks_running: int
    tasks_complete: int
    tasks_failed: int
    tasks_aborted: int
    completed_at: int | None
    cancelled: int
    stopping: int
    covered: bool
    listeners: int
    tasks_ready: int
    has_standby: int


_LOCK: Final = Select("jobs.lock_to_cancel", JobToCancel)


class CancelOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one cancel. `done` is true only for the call that changed the job.

    `stopping`: how many of its attempts must still stop.
    """

    status: JobStatus
    done: bool
    refused: bool
    ended_at: int | None = None
    stopping: int = 0


async def cancel(
    tx: Tx, jobs: Sequence[tuple[int, int]], *, include_running: bool = False
) -> list[CancelOutcome | None]:
    """Aborts every (job, organization) that may be cancelled and deletes its items. Returns None for an unknown job.

    With `include_running` a job that has started is cancelled too: its running attempts must stop. From this commit on
    no task of a cancelled job starts, because a claim locks the job's row first and then sees `cancelled`. The decision
    comes from the same locked row, which holds the counts of started tasks.
    """
    barrier_lock.require_shared(tx)
    rows, now = await _LOCK.lock_each(tx, sorted(set(jobs))), tx.now
    chosen, to_stop = list[JobToCancel](), list[JobToCancel]()
    changes = counts.CountChanges()
    verdicts: dict[tuple[int, int], CancelOutcome] = {}
    for row in rows:
        key, before = (row.id, row.organization_id), JobStatus(row.status)
        if row.covered:
            verdicts[key] = CancelOutcome(JobStatus.ABORTED, done=False, refused=False)  # an earlier bulk cancel did it
        elif row.cancelled:
            verdicts[key] = CancelOutcome(before, done=False, refused=False, stopping=row.stopping)
        elif cancellable(_tally(row), before):
            chosen.append(row)
            changes.move(row.organization_id, row.status, JobStatus.ABORTED)
            verdicts[key] = CancelOutcome(JobStatus.ABORTED, done=True, refused=False)
        elif include_running and before not in JOB_ENDED:
            to_stop.append(row)
        else:
            verdicts[key] = CancelOutcome(before, done=False, refused=True, ended_at=row.completed_at)
    if chosen:
        ids = [row.id for row in chosen]
        await tx.change("jobs.cancel", ids=ids, now=now)
        await work_items.delete_of_jobs(tx, ids)
        await cancellation_counts.hide(tx, changes, chosen)
        changes.moves |= rates.aborted(changes.jobs)
        await counts.add(tx, changes)
        tx.facts.ends += [
            JobEnd.of(row.id, row.organization_id, JobStatus.ABORTED, tasks=row.tasks_total, at=now) for row in chosen
        ]
        await ends.record(tx, ends.aborted((row.id, row.organization_id, row.listeners) for row in chosen))
    for row, left in zip(to_stop, await stops.stop_jobs(tx, to_stop), strict=True):
        status = JobStatus.RUNNING if left else JobStatus.ABORTED
        verdicts[row.id, row.organization_id] = CancelOutcome(status, done=True, refused=False, stopping=left)
    return _first_takes_it(jobs, verdicts)


def _tally(row: JobToCancel) -> Tally:
    return Tally(
        row.tasks_total, row.tasks_queued, row.tasks_running, row.tasks_complete, row.tasks_failed, row.tasks_aborted
    )


async def cancel_recorded(
    tx: Tx, cancels: Sequence[Cancelling], *, include_running: bool = False
) -> list[CancelOutcome | None]:
    """Cancels the jobs, and records every call that was not refused in the audit.

    That includes a call for a job that was cancelled before, because this call succeeds too.
    """
    verdicts = await cancel(tx, [job for job, _ in cancels], include_running=include_running)
    answers = zip(cancels, verdicts, strict=True)
    await entries.record(tx, [entry for (_, entry), verdict in answers if verdict and not verdict.refused])
    return verdicts


def _first_takes_it(
    jobs: Sequence[tuple[int, int]], verdicts: dict[tuple[int, int], CancelOutcome]
) -> list[CancelOutcome | None]:
    """If a batch has several calls for one job, `done` is true only for the first."""
    if len(set(jobs)) == len(jobs):
        return [verdicts.get(key) for key in jobs]
    answers: list[CancelOutcome | None] = []
    for key in jobs:
        verdict = verdicts.get(key)
        answers.append(verdict)
        if verdict is not None and verdict.done:
            verdicts[key] = msgspec.structs.replace(verdict, done=False)
    return answers
