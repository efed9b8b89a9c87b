"""What has happened to a job and its tasks: written once, read by people."""

from dataclasses import dataclass

from enginehouse.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ended attempt, as it is in history. Times in µs UTC."""

    item: int
    number: int
    token: int
    worker: str
    started_at: int
    ended_at: int
    outcome: str
    failure_reason: str | None
    failure_message: str | None
    stop_requested_at: int | None = None  # its job was cancelled while it ran
    stop_signalled_at: int | None = None  # its engine was told


async def attempts(tx: Tx, organization_id: int, job_id: int, ordinal: int) -> list[Attempt]:
    """The ended attempts of a task, by item and number."""
    rows = await tx.all("history.attempts_of_task", job_id=job_id, ordinal=ordinal, organization_id=organization_id)
    return [Attempt(*row) for row in rows]
