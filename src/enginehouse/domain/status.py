"""The statuses of jobs and tasks, and the table of the moves of a task between them."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class TaskStatus(StrEnum):
    """The status of a task. The stored words are those of the REST interface."""

    PENDING = "pending"  # created, and waits for a parent or for the dispatcher
    QUEUED = "queued"  # runnable, and waits for a worker slot
    RUNNING = "running"  # at least one attempt has started and the task has not ended
    COMPLETE = "complete"  # every item accepted
    FAILED = "failed"  # too many items have given up
    ABORTED = "aborted"  # it will not run, or not to its end: cancelled, a parent failed, or not needed
    PAUSED = "paused"  # the engine left and waits for an outside callback
    WAITING = "waiting"  # the engine asked to be called again later
    STANDBY_PENDING = "standby_pending"  # runs only if its principal fails


class JobStatus(StrEnum):
    """The status of a job. It is always the `job_status` of its tasks."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    ABORTED = "aborted"


TASK_ENDED = frozenset({TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.ABORTED})
JOB_ENDED = frozenset({JobStatus.COMPLETE, JobStatus.FAILED, JobStatus.ABORTED})
NOT_STARTED = frozenset({TaskStatus.PENDING, TaskStatus.QUEUED, TaskStatus.STANDBY_PENDING})


@dataclass(frozen=True, slots=True)
class Transition:
    """One verb: the statuses from which it may start, and the status in which it ends."""

    sources: frozenset[TaskStatus]
    target: TaskStatus


def _move(target: TaskStatus, *sources: TaskStatus) -> Transition:
    return Transition(frozenset(sources), target)


_S = TaskStatus

# Every change of a task's status is a row of this table. The guards in the SQL come from it too.
TASK: dict[str, Transition] = {
    "queue": _move(_S.QUEUED, _S.PENDING),
    "unqueue": _move(_S.PENDING, _S.QUEUED),
    "claim": _move(_S.RUNNING, _S.PENDING, _S.QUEUED, _S.RUNNING, _S.WAITING),
    "again": _move(_S.PENDING, _S.RUNNING),
    "reuse": _move(_S.COMPLETE, _S.PENDING),
    "complete": _move(_S.COMPLETE, _S.PENDING, _S.QUEUED, _S.RUNNING, _S.PAUSED, _S.WAITING),
    "fail": _move(_S.FAILED, _S.PENDING, _S.QUEUED, _S.RUNNING, _S.PAUSED, _S.WAITING),
    "abort": _move(_S.ABORTED, _S.PENDING, _S.QUEUED, _S.RUNNING, _S.PAUSED, _S.WAITING, _S.STANDBY_PENDING),
    "activate": _move(_S.PENDING, _S.STANDBY_PENDING),
    "pause": _move(_S.PAUSED, _S.RUNNING),
    "wait": _move(_S.WAITING, _S.RUNNING),
    "resume": _move(_S.PENDING, _S.PAUSED, _S.WAITING),
    "requeue": _move(_S.PENDING, _S.FAILED, _S.ABORTED),
    "stand_by": _move(_S.STANDBY_PENDING, _S.ABORTED),
}


class Tally(msgspec.Struct, frozen=True, gc=False):
    """How many tasks of a job have each status that decides the job's status.

    `total` is the number of tasks that count. Two kinds of task do not count: a standby that was not needed, and a
    failed principal whose standby replaced it.
    """

    total: int
    queued: int = 0
    running: int = 0
    complete: int = 0
    failed: int = 0
    aborted: int = 0


def job_status(tally: Tally, *, cancel_accepted: bool, attempts_open: int, ever_started: bool) -> JobStatus:
    """Returns the status of a job from its tasks. No other function decides it (rule 4 of the guarantees)."""
    if cancel_accepted:
        return JobStatus.RUNNING if attempts_open else JobStatus.ABORTED
    if tally.complete == tally.total:
        return JobStatus.COMPLETE
    if tally.complete + tally.failed + tally.aborted == tally.total:
        return JobStatus.FAILED
    if ever_started:
        return JobStatus.RUNNING
    if tally.queued:
        return JobStatus.QUEUED
    return JobStatus.PENDING


def cancellable(tally: Tally, status: JobStatus) -> bool:
    """True while no task of the job runs or has ended: the founding page's rule for a cancel."""
    return status not in JOB_ENDED and not (tally.running or tally.complete or tally.failed or tally.aborted)
