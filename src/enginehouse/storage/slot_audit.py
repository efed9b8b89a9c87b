"""Whether schedules are fired, and only once: rule 5 of the guarantees, looked at from outside."""

from dataclasses import dataclass

import msgspec

from enginehouse.domain.schedule import Timing
from enginehouse.domain.slots import slots
from enginehouse.domain.zones import UnknownZone
from enginehouse.storage.database import Tx

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
    [(active, overdue, next_at)] = await tx.all("slot_audit.active", before=now - _LATE)
    wrong = [
        (row[0], f"has fired a slot {(row[1] - row[2]) / 1_000_000:.0f} s ahead of what it takes for decided")
        for row in await tx.all("slot_audit.ahead", limit=limit)
    ]
    after = -1
    while len(wrong) < limit and (rows := await tx.all("slot_audit.timings", after=after, limit=_BATCH)):
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
