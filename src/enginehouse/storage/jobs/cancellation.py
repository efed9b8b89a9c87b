"""Cancelling jobs by their ids: what each may still be, decided from its locked row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from enginehouse.domain.status import JOB_ENDED, JobStatus, Tally, cancellable
from enginehouse.storage.audit import entries
from enginehouse.storage.audit.entries import Entry
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.jobs import stops
from enginehouse.storage.work import settlement

Cancelling = tuple[tuple[int, int], Entry]
"""A (job, organization) to cancel, and what is recorded of it."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of one cancel: `done` is true only for the call that changed the job.

    `stopping`: how many of its attempts are still to stop.
    """

    status: JobStatus
    done: bool
    refused: bool
    ended_at: int | None = None
    stopping: int = 0


async def cancel(tx: Tx, wanted: Sequence[tuple[int, int]], *, include_running: bool = False) -> list[Cancelled | None]:
    """Every (job, organization) that may be cancelled is aborted and its items are gone; None where there is none.

    With `include_running` a job past that point is cancelled too: what of it runs is to stop.
    From this commit on no task of such a job starts: a claim locks the job's row before it starts anything and sees
    `cancelled`. The decision is taken from that same locked row, where the counts of started tasks are kept.
    """
    barrier_lock.require_shared(tx)
    rows = await tx.each("jobs.lock_to_cancel", sorted(set(wanted)))
    now = await tx.read_clock()
    found: dict[tuple[int, int], Row] = {(row[0], row[1]): row for row in rows}
    chosen, to_stop, counts = list[int](), list[Row](), defaultdict[tuple[int, str], int](int)
    verdicts: dict[tuple[int, int], Cancelled] = {}
    for key, row in found.items():
        before = JobStatus(row[2])
        if row[12]:
            verdicts[key] = Cancelled(JobStatus.ABORTED, done=False, refused=False)  # by a bulk cancel, before us
        elif row[10]:
            verdicts[key] = Cancelled(before, done=False, refused=False, stopping=row[11])
        elif cancellable(Tally(*row[3:9]), before):
            chosen.append(row[0])
            counts[row[1], before.value] -= 1
            counts[row[1], JobStatus.ABORTED.value] += 1
            verdicts[key] = Cancelled(JobStatus.ABORTED, done=True, refused=False)
        elif include_running and before not in JOB_ENDED:
            to_stop.append(row)
        else:
            verdicts[key] = Cancelled(before, done=False, refused=True, ended_at=row[9])
    if chosen:
        await tx.many("jobs.cancel", [(job_id, now) for job_id in chosen])
        await tx.run("jobs.delete_items", ids=chosen)
        await settlement.count_jobs(tx, counts)
    for row, left in zip(to_stop, await stops.stop_jobs(tx, to_stop), strict=True):
        status = JobStatus.RUNNING if left else JobStatus.ABORTED
        verdicts[row[0], row[1]] = Cancelled(status, done=True, refused=False, stopping=left)
    return _first_takes_it(wanted, verdicts)


async def cancel_recorded(
    tx: Tx, wanted: Sequence[Cancelling], *, include_running: bool = False
) -> list[Cancelled | None]:
    """The jobs are cancelled, and every call that was not refused is recorded.

    That is one that found its job cancelled already, too: it was answered success.
    """
    verdicts = await cancel(tx, [job for job, _ in wanted], include_running=include_running)
    told = zip(wanted, verdicts, strict=True)
    await entries.record(tx, [entry for (_, entry), verdict in told if verdict and not verdict.refused])
    return verdicts


def _first_takes_it(
    wanted: Sequence[tuple[int, int]], verdicts: dict[tuple[int, int], Cancelled]
) -> list[Cancelled | None]:
    """Of several calls for one job in a batch the first has changed it; the others find it cancelled."""
    answers: list[Cancelled | None] = []
    for key in wanted:
        verdict = verdicts.get(key)
        answers.append(verdict)
        if verdict is not None and verdict.done:
            verdicts[key] = replace(verdict, done=False)
    return answers
