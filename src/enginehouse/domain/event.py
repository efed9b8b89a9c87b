"""What happens to a job and its tasks, as its history tells it: the kinds, and what is said with each. Pure.

Storage writes rows of these kinds under the job's lock. Two events have no row, since the job's own row says them:
`created`, and the `aborted` of a job that was cancelled before anything of it had started.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.status import JobStatus

JOB: Final = -1  # the ordinal of what is said of the job itself

# Why a task is aborted.
CANCELLED: Final = "cancelled"
PARENT_FAILED: Final = "parent_failed"
NOT_NEEDED: Final = "not_needed"


class EventKind(StrEnum):
    """What happened, in the words of both interfaces."""

    CREATED = "created"
    QUEUED = "queued"
    STARTED = "started"
    ATTEMPT_FAILED = "attempt_failed"
    ACTIVATED = "activated"
    REUSED = "reused"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOP_REQUESTED = "stop_requested"
    STOP_SIGNALLED = "stop_signalled"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    REQUEUED = "requeued"
    RETRIED = "retried"


MEANING: Final[dict[EventKind, str]] = {
    EventKind.CREATED: "The job is durable, with all its tasks. For a retry with the job it does again.",
    EventKind.QUEUED: "It could start, and waits for a slot.",
    EventKind.STARTED: "Its first attempt runs, or the next one after a failure; of a task with the worker and the "
    "number of the attempt. The chunks of a task that runs already start without a word.",
    EventKind.ATTEMPT_FAILED: "An attempt ended without a result; with the reason, the engine's message and when it is "
    "tried again. Without such a time that chunk was given up.",
    EventKind.ACTIVATED: "The task stands in for the one that failed.",
    EventKind.REUSED: "It is complete by the outputs it has in the job that this one does again; it never runs.",
    EventKind.PAUSED: "Nothing more of it starts; what runs goes on.",
    EventKind.RESUMED: "It may start again.",
    EventKind.STOP_REQUESTED: "A cancel that also stops running work was accepted.",
    EventKind.STOP_SIGNALLED: "The engine was told to end.",
    EventKind.STOPPED: "The engine and everything it had started are gone.",
    EventKind.COMPLETED: "It is complete; of a task that works on chunks with how many there were.",
    EventKind.FAILED: "It has failed for good; of a task with the reason and the engine's message.",
    EventKind.ABORTED: "It will not run, or not to its end; with the reason: `cancelled`, `parent_failed` or "
    "`not_needed`.",
    EventKind.REQUEUED: "It had ended and is to run again.",
    EventKind.RETRIED: "A new job does the same again; with that job.",
}

# The verbs of domain.status.TASK that are told; what is told of the others is told by whoever uses them.
OF_VERB: Final[dict[str, EventKind]] = {
    "queue": EventKind.QUEUED,
    "claim": EventKind.STARTED,
    "complete": EventKind.COMPLETED,
    "fail": EventKind.FAILED,
    "abort": EventKind.ABORTED,
    "activate": EventKind.ACTIVATED,
    "reuse": EventKind.REUSED,
    "pause": EventKind.PAUSED,
    "resume": EventKind.RESUMED,
    "requeue": EventKind.REQUEUED,
}

# What a job's new status is told as. A job is pending once, when it is created.
OF_JOB: Final[dict[JobStatus, EventKind]] = {
    JobStatus.QUEUED: EventKind.QUEUED,
    JobStatus.RUNNING: EventKind.STARTED,
    JobStatus.COMPLETE: EventKind.COMPLETED,
    JobStatus.FAILED: EventKind.FAILED,
    JobStatus.ABORTED: EventKind.ABORTED,
}


class Detail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What is said with an event; stored as JSON. `again_at` in µs UTC, `job` the id of the other job it speaks of."""

    worker: str | None = None
    attempt: int | None = None
    item: int | None = None
    items: int | None = None
    reason: str | None = None
    message: str | None = None
    again_at: int | None = None
    job: int | None = None


NOTHING: Final = Detail()
_LONGEST_MESSAGE: Final = 1_000  # characters; the whole one is in the task and its attempts


def failure(
    reason: str, message: str, *, attempt: int | None = None, item: int | None = None, again_at: int | None = None
) -> Detail:
    """What is said of something that failed."""
    clipped = message[:_LONGEST_MESSAGE]
    return Detail(reason=str(reason), message=clipped, attempt=attempt, item=item, again_at=again_at)


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event. `id` is its place in its job's history, 0 for `created`; `at` µs UTC; `ordinal` None: of the job."""

    id: int
    job_id: int
    ordinal: int | None
    kind: EventKind
    at: int
    detail: Detail = NOTHING


class Head(NamedTuple):
    """Where a job stands. `aborted_at` is given where no row tells of its abort; `last` is its last row, 0 for none."""

    job_id: int
    status: JobStatus
    created_at: int
    retry_of: int | None
    aborted_at: int | None
    last: int


class HistoryPosition(NamedTuple):
    """How far a history was told: the event's id, the last row among those told, and whether a derived abort was."""

    id: int = -1
    row: int = 0
    aborted: bool = False


class HistoryRow(NamedTuple):
    """A row of history."""

    row: int
    ordinal: int
    kind: EventKind
    at: int
    detail: Detail


def told(
    head: Head, place: HistoryPosition, rows: Sequence[HistoryRow], *, all_there: bool
) -> tuple[list[Event], HistoryPosition]:
    """The events after `place`, of which `rows` are the ones written, and the place behind them.

    What has no row stands where it happened: `created` first, `aborted` behind the last row that is not younger. No row
    comes between the two later, for whoever wrote it would have held the job's lock. `all_there`: no row is left.
    """
    events: list[Event] = []
    number, row, aborted = place

    def tell(ordinal: int, kind: EventKind, at: int, detail: Detail) -> None:
        nonlocal number
        number += 1
        of = None if ordinal == JOB else ordinal
        events.append(Event(id=number, job_id=head.job_id, ordinal=of, kind=kind, at=at, detail=detail))

    def tell_abort(before: int | None) -> None:
        nonlocal aborted
        at = head.aborted_at
        if not aborted and at is not None and (before is None or before > at):
            aborted = True
            tell(JOB, EventKind.ABORTED, at, Detail(reason=CANCELLED))

    if number < 0:
        tell(JOB, EventKind.CREATED, head.created_at, Detail(job=head.retry_of))
    for one in rows:
        tell_abort(one.at)
        tell(one.ordinal, one.kind, one.at, one.detail)
        row = one.row
    if all_there:
        tell_abort(None)
    return events, HistoryPosition(number, row, aborted)
