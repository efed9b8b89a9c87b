"""The rows from which a settlement starts: the changing part of a job and of its tasks, and which rows are missing."""

from collections.abc import Iterable
from typing import Final

import msgspec

from enginehouse.domain.status import TASK_ENDED, JobStatus, Tally, TaskStatus

TaskKind = tuple[str, str, int]
"""By what an organization's tasks are counted: status, reason of a failed one, 1 for one in the backlog."""

_WAITS: Final = frozenset({"pending", "queued"})


class Missing(Exception):
    """More rows are needed: the `tasks` with these ordinals, and every visible output routed to a task in `chunks`."""

    def __init__(self, *, tasks: Iterable[int] = (), chunks: Iterable[int] = ()) -> None:
        super().__init__("more rows are needed")
        self.tasks = frozenset(tasks)
        self.chunks = frozenset(chunks)


def kind_of(status: str, reason: str | None, items_open: int) -> TaskKind:
    """Returns how a task with this status is counted."""
    if items_open and status in _WAITS:
        return status, "", 1
    return status, (reason or "") if status == "failed" else "", 0


class TaskState(msgspec.Struct):
    """The changing part of a task's row. `attempts_before`: how many attempts it had before it was last requeued.

    `counted`: as what it was counted before; None for a deleted task, which is not. `was_unended`: a cancel of its job
    has aborted it without a write of its row.
    """

    ordinal: int
    status: TaskStatus
    waits_for: int
    items: int
    items_open: int
    items_running: int
    items_failed: int
    failure_reason: str | None = None
    failure_message: str | None = None
    changed: bool = False
    attempts_before: int = 0
    counted: TaskKind | None = None
    was_unended: bool = False

    def kind(self) -> TaskKind:
        """Returns how it is counted now."""
        # `value` calls two Python functions: here, and for each row, it costs as much as the rest.
        return kind_of(self.status._value_, self.failure_reason, self.items_open)

    def is_unended(self) -> bool:
        """True if a cancel of its job aborts it, and does not write its row."""
        return self.items_running == 0 and self.status not in TASK_ENDED


class JobState(msgspec.Struct):
    """The changing part of a job's row. `ever_started` is true from the first claim on."""

    id: int
    organization_id: int
    status: JobStatus
    cancelled: bool
    ever_started: bool
    total: int
    queued: int
    running: int
    complete: int
    failed: int
    aborted: int
    stopping: int = 0  # attempts that must stop and have not ended
    paused: bool = False
    ready: int = 0  # tasks in the backlog
    listeners: int = 3  # who may want to hear of ends: 1 its own notificationUris, 2 subscriptions

    def tally(self) -> Tally:
        return Tally(self.total, self.queued, self.running, self.complete, self.failed, self.aborted)

    def count(self, status: TaskStatus, by: int) -> None:
        """Counts so many tasks of this status more; only those that decide the job's status have a count."""
        if (counted := _COUNTED[status]) is not None:
            setattr(self, counted, getattr(self, counted) + by)


def _counted(status: TaskStatus) -> str | None:
    """Returns the count of the tasks with this status."""
    match status:
        case TaskStatus.QUEUED:
            return "queued"
        case TaskStatus.RUNNING | TaskStatus.PAUSED | TaskStatus.WAITING:
            return "running"
        case TaskStatus.COMPLETE:
            return "complete"
        case TaskStatus.FAILED:
            return "failed"
        case TaskStatus.ABORTED:
            return "aborted"
        case TaskStatus.PENDING | TaskStatus.STANDBY_PENDING:
            return None


_COUNTED: Final = {status: _counted(status) for status in TaskStatus}
