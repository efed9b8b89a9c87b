"""The delivery of messages in the outbox: takes those that are due, sends each, and records the answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from enginehouse.domain.errors import NotFound
from enginehouse.domain.webhooks import signature
from enginehouse.domain.webhooks.delivery import DeliveryKind
from enginehouse.domain.webhooks.outputs import OutputReference
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.operations import event_jobs, webhooks
from enginehouse.operations.house import House
from enginehouse.operations.work import MICROS
from enginehouse.storage import artifacts
from enginehouse.storage.outbox import bounds, claims, messages
from enginehouse.storage.outbox.claims import DeliveryAttempt

__all__ = ["DeliveryAttempt", "Send", "bound", "claim", "deliver", "prune", "release_all"]

Send = Callable[[str, dict[str, str], bytes | Path], Awaitable[Answer]]
"""Sends a body with these headers to an address, and returns the answer. It never raises for what the receiver does."""

_GONE: Final = Answer(None, "The output was deleted before it was sent.", is_final=True)

_LOOK_AT: Final = 200
_BATCH: Final = 500


async def claim(house: House, *, limit: int) -> list[DeliveryAttempt]:
    """Begins up to `limit` attempts. The caller must `deliver` each within the lease."""
    if not await house.database.peek(claims.any_due):
        return []
    return await house.database.write(lambda tx: claims.claim(tx, limit=limit, look_at=_LOOK_AT))


async def deliver(house: House, attempt: DeliveryAttempt, send: Send) -> Answer:
    """Sends the message or the output, signed, or creates the job, and records the answer. Returns it."""
    leased = attempt.leased
    if leased.kind == DeliveryKind.JOB:
        return await event_jobs.create(house, leased)
    if leased.kind == DeliveryKind.OUTPUT:
        answer = await _send_output(house, attempt, send)
        await house.database.write(lambda tx: claims.end(tx, leased, answer))
        return answer
    body = leased.body.encode()
    headers = {"content-type": "application/json"}
    headers |= signature.headers(_secrets(house, attempt), leased.message, int(time.time()), body)
    answer = await send(leased.url, headers, body)
    await house.database.write(lambda tx: claims.end(tx, leased, answer))
    return answer


async def _send_output(house: House, attempt: DeliveryAttempt, send: Send) -> Answer:
    """Sends the bytes of an output of a task, from the store."""
    leased = attempt.leased
    output = msgspec.json.decode(leased.body, type=OutputReference)
    place = (leased.job_id or 0, leased.ordinal or 0, output.folder, output.item, output.part)
    now = await house.database.peek(lambda tx: artifacts.input_(tx, *place))
    if now is None or now.bytes_deleted_at is not None or now.sha256 != output.sha256:
        return _GONE
    headers = output.headers | {"content-type": output.media_type}
    try:
        async with house.store.open(now.key) as path:
            seconds = int(time.time())
            signed = await asyncio.to_thread(
                signature.headers_of_file, _secrets(house, attempt), leased.message, seconds, path
            )
            return await send(leased.url, headers | signed, path)
    except NotFound:
        return _GONE


def _secrets(house: House, attempt: DeliveryAttempt) -> list[str]:
    leased = attempt.leased
    return [webhooks.secret(house, leased.organization_id, leased.subscription_id, salt) for salt in attempt.salts]


async def release_all(house: House) -> int:
    """Every attempt of an earlier server on this embedded database is over. Its message is due at once."""
    return await house.database.write(claims.release_all)


async def bound(house: House) -> bool:
    """Gives up the oldest messages of organizations with too many bytes that wait. Returns True if there are more."""
    return await house.database.write(lambda tx: bounds.give_up(tx, most=house.limits.outbox_bytes, limit=_BATCH))


async def prune(house: House, *, now: int) -> bool:
    """Deletes a bounded batch of deliveries that ended before the retention time. Returns True if there are more."""
    before = now - house.limits.webhook_retention_seconds * MICROS
    return await house.database.write(lambda tx: messages.prune(tx, before=before, limit=_BATCH)) >= _BATCH
