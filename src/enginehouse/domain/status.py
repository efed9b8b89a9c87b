"""The words a job and a task can be in, and the one table of how a task moves between them."""

from dataclasses import dataclass
from enum import StrEnum


class TaskStatus(StrEnum):
    """What is true of a task now. The stored words are the REST interface's."""

    PENDING = "pending"  # created, waiting for a parent or for its first look
    QUEUED = "queued"  # runnable and waiting for a slot
    RUNNING = "running"  # at least one attempt has started and the task has not ended
    COMPLETE = "complete"  # every item accepted
    FAILED = "failed"  # an item has given up
    ABORTED = "aborted"  # never going to run: cancelled, or a parent failed, or not needed
    PAUSED = "paused"  # the engine left and waits for an outside callback
    WAITING = "waiting"  # the engine asked to be called again later
    STANDBY_PENDING = "standby_pending"  # runs only if its principal fails


class JobStatus(StrEnum):
    """What is true of a job now: always `job_status` of its tasks."""

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
    """One verb: the statuses it may start from and the one it ends in."""

    sources: frozenset[TaskStatus]
    target: TaskStatus


def _move(target: TaskStatus, *sources: TaskStatus) -> Transition:
    return Transition(frozenset(sources), target)


_S = TaskStatus

# Every status a task is ever given comes from a row of this table; the guards in the SQL are filled from it.
TASK: dict[str, Transition] = {
    "queue": _move(_S.QUEUED, _S.PENDING),
    "claim": _move(_S.RUNNING, _S.PENDING, _S.QUEUED, _S.RUNNING),
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
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many tasks of a job are in each status that decides; tasks left out of the function are not counted.

    `total` is the number of tasks that count. A standby task that was not needed, and a failed principal whose
    standby took its place, are left out.
    """

    total: int
    queued: int = 0
    running: int = 0
    complete: int = 0
    failed: int = 0
    aborted: int = 0


def job_status(tally: Tally, *, cancel_accepted: bool, attempts_open: int, ever_started: bool) -> JobStatus:
    """The status of a job: the one function of its tasks (rule 4 of the guarantees)."""
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
    """True while nothing of the job runs or has ended: the founding page's rule for cancelling."""
    return status not in JOB_ENDED and not (tally.running or tally.complete or tally.failed or tally.aborted)
