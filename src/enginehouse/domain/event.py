"""The events in the history of a job and its tasks: their kinds, and the details of each. Pure.

Storage writes rows of these kinds under the job's lock. Two events have no row because the job's own row implies them:
`created`, and the `aborted` of a job that was cancelled before any of its tasks had started.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.status import JobStatus

JOB: Final = -1  # the ordinal of an event of the job itself

# Why a task is aborted.
CANCELLED: Final = "cancelled"
PARENT_FAILED: Final = "parent_failed"
NOT_NEEDED: Final = "not_needed"
REQUESTED: Final = "requested"  # a client aborted it


class EventKind(StrEnum):
    """What happened. Both interfaces use these words."""

    CREATED = "created"
    ADDED = "added"
    ROUTED = "routed"
    QUEUED = "queued"
    STARTED = "started"
    ATTEMPT_FAILED = "attempt_failed"
    POSTPONED = "postponed"
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
    WARNED = "warned"


MEANING: Final[dict[EventKind, str]] = {
    EventKind.CREATED: "The job is durable, with all its tasks. For a retry with the job it does again.",
    EventKind.ADDED: "The task was added to the job under way.",
    EventKind.ROUTED: "A route into the task was added to the job under way.",
    EventKind.QUEUED: "It could start, and waits for a slot.",
    EventKind.STARTED: "Its first attempt runs, or the next one after a failure or a pause; of a task with the worker "
    "and the number of the attempt. The chunks of a task that runs already start without a word.",
    EventKind.ATTEMPT_FAILED: "An attempt ended without a result; with the reason, the engine's message and when it is "
    "tried again. Without such a time that chunk was given up.",
    EventKind.POSTPONED: "Its engine asked to be called again later; with the time of that call.",
    EventKind.ACTIVATED: "The task stands in for the one that failed.",
    EventKind.REUSED: "It is complete by the outputs it has in the job that this one does again; it never runs.",
    EventKind.PAUSED: "Nothing more of it starts; what runs continues.",
    EventKind.RESUMED: "It may start again.",
    EventKind.STOP_REQUESTED: "A cancel that also stops running work was accepted.",
    EventKind.STOP_SIGNALLED: "The engine got the signal to end.",
    EventKind.STOPPED: "The engine and all its processes have ended.",
    EventKind.COMPLETED: "It is complete; of a task that works on chunks with how many there were.",
    EventKind.FAILED: "It has failed and is not tried again; of a task with the reason and the engine's message.",
    EventKind.ABORTED: "It will not run, or not to its end; with the reason: `cancelled`, `parent_failed`, "
    "`not_needed` or `requested`.",
    EventKind.REQUEUED: "It had ended and is to run again.",
    EventKind.RETRIED: "A new job does the same again; with that job.",
    EventKind.WARNED: "Its engine or a person has added a warning; with the reason, the message and what it is about.",
}

# The event of each verb of domain.status.TASK. For a verb that is missing here, its caller records the event.
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

# The event of a job's new status. A job is pending only once, when it is created.
OF_JOB: Final[dict[JobStatus, EventKind]] = {
    JobStatus.QUEUED: EventKind.QUEUED,
    JobStatus.RUNNING: EventKind.STARTED,
    JobStatus.COMPLETE: EventKind.COMPLETED,
    JobStatus.FAILED: EventKind.FAILED,
    JobStatus.ABORTED: EventKind.ABORTED,
}


class Detail(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The details of an event, stored as JSON. `again_at` is µs UTC; `job` is the id of the other job concerned.

    `reference` is the client's own text for what a warning is about.
    """

    worker: str | None = None
    attempt: int | None = None
    item: int | None = None
    items: int | None = None
    reason: str | None = None
    message: str | None = None
    again_at: int | None = None
    job: int | None = None
    reference: str | None = None


NOTHING: Final = Detail()
_LONGEST_MESSAGE: Final = 1_000  # characters; the task and its attempts hold the whole message


def failure(
    reason: str, message: str, *, attempt: int | None = None, item: int | None = None, again_at: int | None = None
) -> Detail:
    """The detail of a failure. It cuts the message to `_LONGEST_MESSAGE`."""
    clipped = message[:_LONGEST_MESSAGE]
    return Detail(reason=str(reason), message=clipped, attempt=attempt, item=item, again_at=again_at)


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event. `id` counts from 0 (`created`) within its job; `at` is µs UTC; `ordinal` None is the job itself."""

    id: int
    job_id: int
    ordinal: int | None
    kind: EventKind
    at: int
    detail: Detail = NOTHING


class Head(NamedTuple):
    """The state of a job. `aborted_at` is set if no row records its abort; `last` is its last row, 0 for none."""

    job_id: int
    status: JobStatus
    created_at: int
    retry_of: int | None
    aborted_at: int | None
    last: int


class HistoryPosition(NamedTuple):
    """A place in a history: the last event read, the last row read, and whether a derived abort was among them."""

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
    """Returns the events after `place`, and the place behind them. `rows` are the written events after `place`.

    An event without a row stands where it happened: `created` is first, `aborted` follows the last row that is not
    younger. No row can come between later: its writer would have held the job's lock. `all_there`: there are no more
    rows.
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
