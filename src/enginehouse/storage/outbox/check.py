"""What an operator should know of the outbox: what waits for too long, and which destinations fail."""

from typing import Final, NamedTuple

from enginehouse.domain.webhooks.retry import SECOND
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_OVERDUE: Final = 120 * SECOND
_OLD: Final = 3_600 * SECOND
_MOST: Final = 20


class FailingDestination(NamedTuple):
    """A destination that gets no message at present, after so many failures in a row."""

    organization_id: int
    destination: str
    failures: int


class OutboxCheck(NamedTuple):
    """How many messages wait, how many of them should have been sent by now, how many wait for more than an hour."""

    waiting: int
    overdue: int
    old: int
    failing: list[FailingDestination]


_FAILING: Final = Select("outbox.failing", FailingDestination)


async def check(tx: Tx, now: int) -> OutboxCheck:
    """Returns the state of the outbox, of all organizations."""
    [(waiting, overdue, old)] = await tx.all("outbox.check", overdue=now - _OVERDUE, old=now - _OLD)
    return OutboxCheck(int(waiting), int(overdue), int(old), await _FAILING.all(tx, limit=_MOST))
