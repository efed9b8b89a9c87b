"""Which tasks a list shows, and in which order."""

from dataclasses import dataclass

from enginehouse.domain.status import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks to list. Bounds in µs UTC, both inclusive; None means unbounded.

    A task was created with its job. `statuses` are those that a read shows: in a cancelled job, a task that had not
    ended is aborted. A task is in the backlog if it may start and waits for its first attempt. It is claimable if one
    of its items may be claimed.
    """

    statuses: tuple[TaskStatus, ...] = ()
    job_ids: tuple[int, ...] | None = None
    ordinal: int | None = None
    target_id: int | None = None
    source_id: int | None = None  # of the target
    engine_ids: tuple[str, ...] | None = None
    failure_reasons: tuple[str, ...] | None = None  # of failed tasks
    other_reasons_than: tuple[str, ...] | None = None  # the same
    in_backlog: bool | None = None
    is_claimable: bool | None = None
    created_from: int | None = None
    created_to: int | None = None
    modified_from: int | None = None
    modified_to: int | None = None
    order_by: str = "created_at"  # or modified_at
    descending: bool = True
    offset: int = 0
    limit: int = 30
