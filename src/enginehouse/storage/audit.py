"""Whether the stored statuses still are what their tasks say: rule 4 of the guarantees, looked at from outside."""

from dataclasses import dataclass

from enginehouse.domain.status import JobStatus, Tally, job_status
from enginehouse.storage.database import Row, Tx

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A job of which two stored facts contradict one another."""

    job_id: int
    text: str


async def statuses(tx: Tx, *, limit: int = 20) -> tuple[int, list[Disagreement]]:
    """How many jobs were looked at, and the first `limit` that contradict themselves."""
    found: list[Disagreement] = []
    looked, after = 0, -1
    while rows := await tx.all("audit.jobs", after=after, limit=_BATCH):
        looked, after = looked + len(rows), rows[-1][0]
        for row in rows:
            if (text := _disagrees(row)) and len(found) < limit:
                found.append(Disagreement(row[0], text))
    for job_id, ordinal, item, paused in await tx.all("audit.wrongly_held", limit=limit - len(found)):
        why = "its job is paused or not" if paused else "nothing else of its task is free, so nothing would let it go"
        found.append(Disagreement(job_id, f"has item {item} of task {ordinal} held against what is true: {why}"))
    return looked, found


def _disagrees(row: Row) -> str | None:
    _, status, cancelled, started_at, total, *counts = row
    stored, stopping, rows, told, items_running = counts[:5], counts[5], counts[6], counts[7:12], counts[12]
    open_attempts = int(items_running or 0) if cancelled else 0
    if stopping != open_attempts:
        return f"counts {stopping} attempts that are to stop, its tasks have {open_attempts} running"
    due = job_status(
        Tally(total, *stored),
        cancel_accepted=bool(cancelled),
        attempts_open=open_attempts,
        ever_started=started_at is not None,
    )
    if counts[13]:
        return f"has {counts[13]} reused tasks that are not simply complete"
    if JobStatus(status) is not due:
        return f"is {status}, its counts make it {due.value}"
    if rows < total:
        return f"counts {total} tasks, of its own it has {rows}"
    # A standby task is left out of the counts or takes its principal's place; only its plan could tell.
    if rows == total and not cancelled and [int(count) for count in told] != stored:
        return f"counts (queued, running, complete, failed, aborted) {stored}, its tasks are {[int(c) for c in told]}"
    return None
