"""An attempt as history tells it, and a page of those of a task."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `outcome` is `running`, without an end, for one that has not ended. Times in µs UTC."""

    item: int
    number: int
    token: int
    worker: str
    started_at: int
    ended_at: int | None
    outcome: str
    failure_reason: str | None
    failure_message: str | None
    stop_requested_at: int | None = None  # its job was cancelled while it ran
    stop_signalled_at: int | None = None  # its engine was told


class AttemptPage(NamedTuple):
    """Which of a task's attempts are wanted."""

    job_id: int
    ordinal: int
    offset: int
    limit: int
