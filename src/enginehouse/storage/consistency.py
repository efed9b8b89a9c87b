"""Whether schedules are fired, and only once: rule 5 of the guarantees, looked at from outside."""

from dataclasses import dataclass

import msgspec

from enginehouse.domain.schedules.calendar import slots
from enginehouse.domain.schedules.schedule import Timing
from enginehouse.domain.schedules.zones import UnknownZone
from enginehouse.domain.status import JobStatus, Tally, job_status
from enginehouse.storage.database.database import Row, Tx

_BATCH = 1_000
_LATE = 60_000_000  # µs


@dataclass(frozen=True, slots=True)
class SlotAudit:
    """`active` schedules were looked at; `overdue` should have been more than a minute ago; `next_at` in µs UTC.

    `wrong` says of some schedules, by id, what is wrong with them.
    """

    active: int
    overdue: int
    next_at: int | None
    wrong: tuple[tuple[int, str], ...] = ()


async def audited(tx: Tx, *, now: int, limit: int = 20) -> SlotAudit:
    """All schedules that are to fire, at this moment of the storage's clock."""
    [(active, overdue, next_at)] = await tx.all("slot_consistency.active", before=now - _LATE)
    wrong = [
        (row[0], f"has fired a slot {(row[1] - row[2]) / 1_000_000:.0f} s ahead of what it takes for decided")
        for row in await tx.all("slot_consistency.ahead", limit=limit)
    ]
    after = -1
    while len(wrong) < limit and (rows := await tx.all("slot_consistency.timings", after=after, limit=_BATCH)):
        after = rows[-1][0]
        wrong += ((row[0], text) for row in rows if (text := _unreadable(row[1], now)))
    return SlotAudit(active, overdue, next_at, tuple(wrong[:limit]))


def _unreadable(timing: str, now: int) -> str | None:
    """Why no slot of such a timing can be worked out; None where it can."""
    try:
        next(slots(msgspec.json.decode(timing, type=Timing), anchor=now, after=now), None)
    except UnknownZone as unknown:
        return f"cannot be worked out: {unknown}"
    except (ValueError, msgspec.DecodeError) as error:
        return f"cannot be read: {error}"
    return None


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
    while rows := await tx.all("consistency.jobs", after=after, limit=_BATCH):
        looked, after = looked + len(rows), rows[-1][0]
        for row in rows:
            if (text := _disagrees(row)) and len(found) < limit:
                found.append(Disagreement(row[0], text))
    for job_id, ordinal, item, paused in await tx.all("consistency.wrongly_held", limit=limit - len(found)):
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
