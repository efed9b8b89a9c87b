"""The items of a task as people see them: one row for each, and how many have each status. Pure."""

from enum import StrEnum

import msgspec


class ItemStatus(StrEnum):
    """The status of one item. `waiting`: for its time, or until other items of its task have ended."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    ABORTED = "aborted"


class TaskItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item and its last attempt, whose `number` is 0 if there was none. Times in µs UTC.

    `again_at`: it waits for this time. The failure is that of the last attempt.
    """

    item: int
    status: ItemStatus
    number: int
    worker: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    again_at: int | None = None
    failure_reason: str | None = None
    failure_message: str | None = None


class ItemCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of a task have each status."""

    queued: int = 0
    waiting: int = 0
    running: int = 0
    complete: int = 0
    failed: int = 0
    aborted: int = 0

    @property
    def total(self) -> int:
        """All items that the task has got so far."""
        return sum(self.of(status) for status in ItemStatus)

    def of(self, status: ItemStatus) -> int:
        """Returns how many items have this status."""
        found: int = getattr(self, status.value)
        return found


class ItemPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some items of a task in their order, and the counts of all. `next` is the last of these if more follow."""

    items: tuple[TaskItem, ...]
    counts: ItemCounts
    next: int | None = None
