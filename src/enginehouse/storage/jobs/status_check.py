"""Derives the status of one job anew from its tasks, and mends the job's row if it says something else."""

from typing import NamedTuple

from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import JobState
from enginehouse.domain.standbys import tally
from enginehouse.domain.status import JobStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import job_locks
from enginehouse.storage.work import settlement as work_settlement


class CheckedStatus(NamedTuple):
    """The status of a job as its tasks have it. `mended`: its row said something else before."""

    status: JobStatus
    mended: bool


async def check(tx: Tx, plans: Plans, organization_id: int, job_id: int) -> CheckedStatus | None:
    """Counts the tasks of the job and stores what follows. Returns None if the organization has no such job.

    A job that an open bulk cancel has aborted is aborted, and the bulk cancel writes its row.
    """
    job = (await job_locks.lock(tx, [job_id])).get(job_id)
    if job is None or job.organization_id != organization_id:
        return None
    await tx.read_clock()
    [(covered,)] = await tx.all("jobs.status", id=job_id, organization_id=organization_id)
    if JobStatus(covered) is not JobStatus(job.status):
        return CheckedStatus(JobStatus(covered), mended=False)
    plan, edges = (await plans.load(tx, job_locks.revisions([job])))[job_id]
    states = await work_settlement.task_states(tx, [(job_id, ordinal) for ordinal in range(len(plan.tasks))])
    reused = [ordinal for (ordinal,) in await tx.all("status_check.reused", job_id=job_id)]
    [(stopping,)] = await tx.all("status_check.stopping", job_id=job_id)
    stored = job_locks.state(job)
    counted = tally(states[job_id], plan, edges, reused)
    state = JobState(
        id=job_id,
        organization_id=organization_id,
        status=stored.status,
        cancelled=stored.cancelled,
        ever_started=stored.ever_started,
        total=counted.total,
        queued=counted.queued,
        running=counted.running,
        complete=counted.complete,
        failed=counted.failed,
        aborted=counted.aborted,
        stopping=int(stopping) if stored.cancelled else 0,
        ready=sum(state.kind()[2] for state in states[job_id].values()),
        paused=stored.paused,
        listeners=stored.listeners,
    )
    settlement = Settlement(state, states[job_id], plan, edges, now=tx.now)
    if state == stored and settlement.status() is stored.status:
        return CheckedStatus(stored.status, mended=False)
    await tx.run("status_check.set_total", job_id=job_id, total=counted.total)
    await work_settlement.write(tx, [settlement])
    return CheckedStatus(settlement.status(), mended=True)
