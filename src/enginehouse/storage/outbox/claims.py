"""Attempts to deliver messages: a server takes those that are due, with a lease, and records how each attempt ended.

An attempt's lease is `next_at` of its row: if nobody records its end before, the message is due again, on any server.
The messages of a queue go one after the other: a later one waits until the earlier one has ended.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.webhooks import retry
from enginehouse.domain.webhooks.delivery import DeliveryKind, DeliveryStatus
from enginehouse.domain.webhooks.retry import SECOND, Answer
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.outbox import secrets

LEASE: Final = 30 * SECOND  # longer than one attempt may take
PER_DESTINATION: Final = 4  # attempts at a time, over all servers
_BEHIND: Final = 60 * SECOND  # a message behind another one is looked at again; the end of that one wakes it earlier
_BUSY: Final = SECOND // 10
_LONGEST_ANSWER: Final = 500
ENDED: Final = "The subscription has ended."


class DueMessage(NamedTuple):
    """A message that is due. `blocked`, `busy` and `open_until` say what may still be in its way."""

    id: int
    message: str
    organization_id: int
    destination: str
    blocked: bool
    busy: int
    open_until: int | None


class Leased(NamedTuple):
    """A message that this server must send now. `attempts` counts this attempt too."""

    id: int
    message: str
    organization_id: int
    subscription_id: str | None
    queue: str
    url: str
    destination: str
    body: str
    attempts: int
    expires_at: int
    kind: str
    event: str
    job_id: int | None
    ordinal: int | None


class DeliveryAttempt(NamedTuple):
    """A leased message with the salts of the secrets that sign it, the newest first."""

    leased: Leased
    salts: Sequence[str]


_DUE: Final = Select("outbox.due", DueMessage)
_LEASE: Final = Select("outbox.lease", Leased)


async def any_due(tx: Tx) -> bool:
    """Returns True if a message is due."""
    return await tx.one("outbox.any_due", now=await tx.read_clock()) is not None


async def claim(tx: Tx, *, limit: int, look_at: int) -> list[DeliveryAttempt]:
    """Begins up to `limit` attempts of the messages that are due. Looks at `look_at` of them at most."""
    now = await tx.read_clock()
    due = await _DUE.all(tx, now=now, limit=look_at)
    chosen, later = _choose(due, now, limit)
    await tx.many("outbox.defer", [(number, at, now) for number, at in later])
    if not chosen:
        return []
    # One message tries whether a destination is back. The others wait for its answer. The order of the keys keeps two
    # servers from waiting for each other.
    trying = sorted((each.organization_id, each.destination) for each in chosen if each.open_until is not None)
    for organization_id, destination in trying:
        await _open(tx, organization_id, destination, now + LEASE)
    leased = await _LEASE.each(tx, [(each.id, now + LEASE, now) for each in chosen])
    signed = [each for each in leased if each.kind != DeliveryKind.JOB]
    known = await secrets.current(tx, {_owner(each) for each in signed}) if signed else {}
    return [DeliveryAttempt(each, known.get(_owner(each), ())) for each in leased]


def _owner(leased: Leased) -> secrets.Owner:
    return leased.organization_id, leased.subscription_id or secrets.OF_ORGANIZATION


def _choose(due: Sequence[DueMessage], now: int, limit: int) -> tuple[list[DueMessage], list[tuple[int, int]]]:
    """Returns the messages to send, and until when each of the others must wait."""
    chosen, later = list[DueMessage](), list[tuple[int, int]]()
    taken: Counter[tuple[int, str]] = Counter()
    for each in due:
        key = (each.organization_id, each.destination)
        room = 1 if each.open_until is not None else PER_DESTINATION - each.busy
        if each.blocked:
            later.append((each.id, now + _BEHIND))
        elif each.open_until is not None and each.open_until > now:
            later.append((each.id, each.open_until))
        elif taken[key] >= room:
            later.append((each.id, now + (LEASE if each.open_until is not None else _BUSY)))
        elif len(chosen) < limit:
            taken[key] += 1
            chosen.append(each)
    return chosen, later


async def end(tx: Tx, leased: Leased, answer: Answer) -> bool:
    """Records the answer to an attempt, and when the next one is due. Returns False if it is no longer current."""
    now = await tx.read_clock()
    if answer.is_gone and leased.subscription_id is not None:
        # The subscription's row comes before those of its messages, as in the end of a subscription by its owner.
        await tx.run(
            "outbox.end_subscription", id=leased.subscription_id, organization_id=leased.organization_id, now=now
        )
    next_at = None
    status = DeliveryStatus.DELIVERED
    if not answer.is_success:
        next_at = retry.next_attempt(leased.message, leased.attempts, answer, now=now, expires_at=leased.expires_at)
        status = DeliveryStatus.FAILED if next_at is None else DeliveryStatus.PENDING
    current = await tx.one(
        "outbox.end_attempt",
        id=leased.id,
        attempts=leased.attempts,
        next_at=next_at,
        status=status.value,
        answer_status=answer.status,
        answer=answer.text[:_LONGEST_ANSWER],
        now=now,
    )
    if current is None:
        return False
    if next_at is None:
        await tx.run("outbox.first_of_queue", queue=leased.queue, now=now)
    if answer.is_outage:
        await _count_failure(tx, leased, now)
    else:
        await tx.run("outbox.recover", organization_id=leased.organization_id, destination=leased.destination)
    if answer.is_gone and leased.subscription_id is not None:
        await _give_up(tx, leased.organization_id, leased.subscription_id)
    return True


async def end_subscription(tx: Tx, organization_id: int, subscription_id: str) -> None:
    """The subscription gets no more events, and what waited for it is given up."""
    await tx.run("outbox.end_subscription", id=subscription_id, organization_id=organization_id, now=tx.now)
    await _give_up(tx, organization_id, subscription_id)


async def _give_up(tx: Tx, organization_id: int, subscription_id: str) -> None:
    await tx.run(
        "outbox.give_up_subscription", id=subscription_id, organization_id=organization_id, now=tx.now, answer=ENDED
    )


async def release_all(tx: Tx) -> int:
    """Every message that a server was sending is due at once. Only if no server runs. Returns how many."""
    return await tx.run("outbox.release", now=await tx.read_clock())


async def _count_failure(tx: Tx, leased: Leased, now: int) -> None:
    row = await tx.one("outbox.count_failure", organization_id=leased.organization_id, destination=leased.destination)
    seconds = retry.open_seconds(0 if row is None else int(row[0]))
    if seconds is not None:
        await _open(tx, leased.organization_id, leased.destination, now + seconds * SECOND)


async def _open(tx: Tx, organization_id: int, destination: str, until: int) -> None:
    await tx.run("outbox.open", organization_id=organization_id, destination=destination, open_until=until)
