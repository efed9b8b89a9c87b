"""Outputs that belong to several jobs, because a retry of only the failed tasks reuses them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.settlement import Settlement
from enginehouse.domain.settlement_rows import JobState, Missing, TaskState
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.jobs.counts import CountChanges
from enginehouse.storage.jobs.deletion import SHARED_BYTES
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.work import settlement as work_settlement


class SourceGone(Exception):
    """The job or the task whose outputs a retry reuses no longer exists."""


class StoredOutput(NamedTuple):
    """The name of an output and the key of its bytes."""

    ordinal: int
    name: str
    storage_key: str


_OUTPUTS: Final = Select("reuse.outputs", StoredOutput)


async def outputs(tx: Tx, tasks: Sequence[tuple[int, int]]) -> list[StoredOutput]:
    """Returns the outputs of these (job, ordinal) tasks."""
    return await _OUTPUTS.each(tx, tasks)


async def settle(tx: Tx, jobs: Sequence[tuple[int, NewJob]], changes: CountChanges) -> None:
    """Completes the reused tasks of these new jobs with their outputs. The jobs' rows exist already.

    What follows is added to the `changes` of the counts.

    The children of these tasks are released as after any completion.
    """
    tasks = [
        (job_id, ordinal, job.retry_of, origin)
        for job_id, job in jobs
        for ordinal, origin in sorted((job.reused or {}).items())
    ]
    await tx.lock(SHARED_BYTES)
    sources = sorted({(source, ordinal) for _, ordinal, source, _ in tasks})
    if await tx.each("reuse.deleted", sources):
        raise SourceGone
    await tx.many("reuse.mark_tasks", [(job_id, ordinal, origin) for job_id, ordinal, _, origin in tasks])
    await tx.many("reuse.share", sources)
    await tx.many("reuse.copy", [(job_id, ordinal, source) for job_id, ordinal, source, _ in tasks])
    await work_settlement.write(tx, [await _settled(tx, job_id, job) for job_id, job in jobs], changes=changes)


async def _settled(tx: Tx, job_id: int, job: NewJob) -> Settlement:
    settlement = _settlement(job_id, job, tx.now)
    while True:
        try:
            settlement.reused(job.reused or {})
        except Missing as missing:
            _, chunks = await work_settlement.more(tx, job_id, job.edges, missing, settlement)
            settlement = _settlement(job_id, job, tx.now)
            settlement.chunks = chunks
        else:
            return settlement


def _settlement(job_id: int, job: NewJob, now: int) -> Settlement:
    state = JobState(
        id=job_id,
        organization_id=job.organization_id,
        status=JobStatus.PENDING,
        cancelled=False,
        ever_started=False,
        total=job.total,
        queued=0,
        running=0,
        complete=0,
        failed=0,
        aborted=0,
        ready=len(job.runnable),
    )
    tasks = {ordinal: _task(job, ordinal, status) for ordinal, status in enumerate(job.beginning.statuses)}
    return Settlement(state, tasks, job.plan, job.edges, now=now)


def _task(job: NewJob, ordinal: int, status: TaskStatus) -> TaskState:
    items = int(ordinal in job.runnable)
    state = TaskState(ordinal, status, job.edges.waits_for[ordinal], items, items, 0, 0)
    state.counted = state.kind()
    return state
