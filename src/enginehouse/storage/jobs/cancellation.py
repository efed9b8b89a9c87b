"""Cancelling jobs by their ids: what each may still be, decided from its locked row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from enginehouse.domain.audit import Entry
from enginehouse.domain.status import JOB_ENDED, JobStatus, Tally, cancellable
from enginehouse.storage.audit import entries
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs import counts, stops
from enginehouse.storage.work import work_items

Cancelling = tuple[tuple[int, int], Entry]
"""A (job, organization) to cancel, and what is recorded of it."""


class JobToCancel(NamedTuple):
    """A job, locked. `covered`: an open bulk cancel has aborted it, though its row does not say so yet."""

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


_LOCK: Final = Select("jobs.lock_to_cancel", JobToCancel)


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What became of one cancel: `done` is true only for the call that changed the job.

    `stopping`: how many of its attempts are still to stop.
    """

    status: JobStatus
    done: bool
    refused: bool
    ended_at: int | None = None
    stopping: int = 0


async def cancel(
    tx: Tx, jobs: Sequence[tuple[int, int]], *, include_running: bool = False
) -> list[CancelOutcome | None]:
    """Every (job, organization) that may be cancelled is aborted and its items are gone; None where there is none.

    With `include_running` a job past that point is cancelled too: what of it runs is to stop.
    From this commit on no task of such a job starts: a claim locks the job's row before it starts anything and sees
    `cancelled`. The decision is taken from that same locked row, where the counts of started tasks are kept.
    """
    barrier_lock.require_shared(tx)
    rows = await _LOCK.each(tx, sorted(set(jobs)))
    now = await tx.read_clock()
    chosen, to_stop, changes = list[int](), list[JobToCancel](), defaultdict[tuple[int, str], int](int)
    verdicts: dict[tuple[int, int], CancelOutcome] = {}
    for row in rows:
        key, before = (row.id, row.organization_id), JobStatus(row.status)
        if row.covered:
            verdicts[key] = CancelOutcome(JobStatus.ABORTED, done=False, refused=False)  # by a bulk cancel, before us
        elif row.cancelled:
            verdicts[key] = CancelOutcome(before, done=False, refused=False, stopping=row.stopping)
        elif cancellable(_tally(row), before):
            chosen.append(row.id)
            changes[row.organization_id, before.value] -= 1
            changes[row.organization_id, JobStatus.ABORTED.value] += 1
            verdicts[key] = CancelOutcome(JobStatus.ABORTED, done=True, refused=False)
        elif include_running and before not in JOB_ENDED:
            to_stop.append(row)
        else:
            verdicts[key] = CancelOutcome(before, done=False, refused=True, ended_at=row.completed_at)
    if chosen:
        await tx.many("jobs.cancel", [(job_id, now) for job_id in chosen])
        await work_items.delete_of_jobs(tx, chosen)
        await counts.add(tx, changes)
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
    """The jobs are cancelled, and every call that was not refused is recorded.

    That includes a call for a job that was cancelled before: its answer is success too.
    """
    verdicts = await cancel(tx, [job for job, _ in cancels], include_running=include_running)
    answers = zip(cancels, verdicts, strict=True)
    await entries.record(tx, [entry for (_, entry), verdict in answers if verdict and not verdict.refused])
    return verdicts


def _first_takes_it(
    jobs: Sequence[tuple[int, int]], verdicts: dict[tuple[int, int], CancelOutcome]
) -> list[CancelOutcome | None]:
    """Of several calls for one job in a batch the first has changed it; the others find it cancelled."""
    answers: list[CancelOutcome | None] = []
    for key in jobs:
        verdict = verdicts.get(key)
        answers.append(verdict)
        if verdict is not None and verdict.done:
            verdicts[key] = replace(verdict, done=False)
    return answers
