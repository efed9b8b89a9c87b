"""What a list says of a job in one line, without its plan and its tasks."""

import msgspec

from enginehouse.domain.status import JobStatus


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list. `complete` of its `tasks` are complete; those that were deleted do not count.

    `started`: one of its tasks runs or has ended. `cancelled`: nothing of it starts any more. Times are µs UTC.
    """

    id: int
    status: JobStatus
    name: str | None
    created_at: int
    modified_at: int
    started_at: int | None
    paused_at: int | None
    tasks: int
    complete: int
    started: bool
    cancelled: bool
    engine_ids: tuple[str, ...]
