"""The outbox in storage: messages that wait to be sent, and those that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from enginehouse.domain.webhooks import delivery, retry
from enginehouse.domain.webhooks.delivery import Delivery, DeliveryKind
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to send. `ordinal` None: it is about the whole job, or about none.

    `receiver`: messages of a job to the same one keep their order; by default it is the address.
    """

    organization_id: int
    kind: DeliveryKind
    subscription_id: str | None
    url: str
    event: str
    body: str
    job_id: int | None = None
    ordinal: int | None = None
    receiver: str | None = None


_BY_MESSAGE: Final = Select("outbox.by_message", Delivery)
_LOCK: Final = Select("outbox.lock", Delivery)


async def insert(tx: Tx, new: Sequence[NewMessage]) -> None:
    """Writes the messages in this order. They are due at once."""
    rows = [
        (
            str(uuid4()), each.organization_id, each.kind.value, each.subscription_id,
            delivery.queue(each.organization_id, each.subscription_id, each.job_id, each.receiver or each.url),
            each.url,
            delivery.destination(each.url), each.event, each.job_id, each.ordinal, each.body, len(each.body.encode()),
            tx.now + retry.WINDOW, tx.now,
        )
        for each in new
    ]  # fmt: skip
    await tx.many("outbox.insert", rows)


async def get(tx: Tx, organization_id: int, message_id: str) -> tuple[Delivery, str] | None:
    """Returns the organization's delivery with this id, and its body."""
    found = await _BY_MESSAGE.one(tx, message=message_id, organization_id=organization_id)
    if found is None:
        return None
    [(body,)] = await tx.all("outbox.body", message=message_id, organization_id=organization_id)
    return found, body


async def lock(tx: Tx, organization_id: int, message_id: str) -> Delivery | None:
    """Returns the organization's delivery, locked until the transaction ends."""
    return await _LOCK.one(tx, message=message_id, organization_id=organization_id)


async def page(
    tx: Tx,
    organization_id: int,
    *,
    status: str | None = None,
    job_id: int | None = None,
    subscription_id: str | None = None,
    before: int,
    limit: int,
) -> list[Delivery]:
    """Returns the organization's deliveries with a number below `before`, the newest first."""
    given = {"status": status, "job_id": job_id, "subscription_id": subscription_id}
    filters = {name: value for name, value in given.items() if value is not None}
    parts = [f"by_{name.removesuffix('_id')}" for name in filters]
    params: dict[str, Any] = {"organization_id": organization_id, "before": before, "limit": limit, **filters}
    rows = await tx.all(f"outbox.list[{' '.join(parts)}]", **params)
    return [Delivery(*row) for row in rows]


async def send_again(tx: Tx, number: int) -> None:
    """The locked delivery is due at once, and is tried for a whole window again."""
    await tx.run("outbox.send_again", id=number, now=tx.now, expires_at=tx.now + retry.WINDOW)


async def send_failed_again(tx: Tx, organization_id: int, subscription_id: str, *, after: int, limit: int) -> list[int]:
    """A batch of its failed deliveries after the number `after` is due at once. Returns their numbers."""
    owner = {"organization_id": organization_id}
    rows = await tx.all("outbox.failed_of", subscription_id=subscription_id, after=after, limit=limit, **owner)
    numbers = [number for (number,) in rows]
    if numbers:
        times = {"now": tx.now, "expires_at": tx.now + retry.WINDOW}
        await tx.run("outbox.send_all_again", ids=numbers, **times, **owner)
    return numbers


async def waiting_bytes(tx: Tx, organization_id: int) -> int:
    """Returns how many bytes of bodies wait for their delivery."""
    [(size,)] = await tx.all("outbox.waiting_bytes", organization_id=organization_id)
    return int(size)


async def prune(tx: Tx, *, before: int, limit: int) -> int:
    """Deletes a bounded batch of deliveries that ended before this time (µs). Returns how many."""
    ids = [number for (number,) in await tx.all("outbox.ended", before=before, limit=limit)]
    return await tx.run("outbox.delete", ids=ids) if ids else 0
