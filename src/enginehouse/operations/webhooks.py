"""The operations on deliveries: list, get and send again; and on the secrets that sign them."""

from typing import Any, Final, NamedTuple

from msgspec import json

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref, UuidRef
from enginehouse.domain.webhooks import signature
from enginehouse.domain.webhooks.delivery import LONGEST_URL, Delivery, DeliveryKind, DeliveryStatus
from enginehouse.domain.webhooks.subscription import EventSubscription
from enginehouse.operations import bounds
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.outgoing import send
from enginehouse.storage import event_subscriptions
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.outbox import messages, secrets

SUBSCRIPTION: Final = "EventSubscription"
DELIVERY: Final = "WebhookDelivery"
SECRET: Final = "WebhookSecret"  # noqa: S105 - the name of a kind
_STATUSES: Final = tuple(status.value for status in DeliveryStatus)


class DeliveryPage(NamedTuple):
    """Deliveries, the newest first. `next` continues after them; None if there are no more."""

    deliveries: list[Delivery]
    next: str | None


def url_fault(house: House, url: object) -> str | None:
    """Returns what is wrong with an address to which messages shall be sent; None if it can be used."""
    if not isinstance(url, str) or not url:
        return "an address is needed."
    if len(url) > LONGEST_URL:
        return f"{len(url)} characters, at most {LONGEST_URL}."
    return send.url_fault(url, allow_private=house.limits.private_urls)


async def list_(
    house: House,
    principal: Principal,
    *,
    status: str | None = None,
    job: Ref | None = None,
    subscription: UuidRef | None = None,
    before: int | None = None,
    limit: int = 100,
) -> DeliveryPage:
    """Returns the organization's deliveries, the newest first. Raises InvalidInput."""
    _check(house, principal, status, limit)
    owner = principal.organization_id
    return await house.database.read(
        lambda tx: read(tx, owner, status=status, job=job, subscription=subscription, before=before, limit=limit)
    )


def _check(house: House, principal: Principal, status: str | None, limit: int) -> None:
    require(principal, Role.READER)
    if status is not None and status not in _STATUSES:
        raise InvalidInput(f'one of {", ".join(_STATUSES)}, got "{status[:40]}".', "status")
    if not 1 <= limit <= house.limits.page_size:
        raise InvalidInput(f"1–{house.limits.page_size}, got {limit}.", "limit")


async def read(
    tx: Tx,
    organization_id: int,
    *,
    status: str | None = None,
    job: Ref | None = None,
    subscription: UuidRef | None = None,
    before: int | None = None,
    limit: int,
) -> DeliveryPage:
    """Returns the same page in this transaction, for bounds that were checked."""
    found = await messages.page(
        tx,
        organization_id,
        status=status,
        job_id=None if job is None else job.number,
        subscription_id=None if subscription is None else subscription.key,
        before=bounds.LARGEST_ID if before is None else before,
        limit=limit + 1,
    )
    return DeliveryPage(found[:limit], str(found[limit - 1].number) if len(found) > limit else None)


async def overview(
    house: House, principal: Principal, *, status: str | None, before: int | None, limit: int
) -> tuple[DeliveryPage, list[EventSubscription]]:
    """Returns a page of all deliveries, and all subscriptions and triggers, from one read. Raises InvalidInput."""
    _check(house, principal, status, limit)
    owner = principal.organization_id

    async def look(tx: Tx) -> tuple[DeliveryPage, list[EventSubscription]]:
        found = await read(tx, owner, status=status, before=before, limit=limit)
        return found, await event_subscriptions.all_(tx, owner)

    return await house.database.read(look)


async def of_subscription(
    house: House, principal: Principal, ref: UuidRef, *, before: int | None, limit: int
) -> tuple[EventSubscription, DeliveryPage]:
    """Returns a subscription or trigger with a page of its deliveries, from one read. Raises NotFound, InvalidInput."""
    _check(house, principal, None, limit)
    owner = principal.organization_id

    async def look(tx: Tx) -> tuple[EventSubscription, DeliveryPage]:
        found = await event_subscriptions.by_ids(tx, owner, [ref.key])
        if ref.key not in found:
            raise NotFound(SUBSCRIPTION, ref.text)
        return found[ref.key], await read(tx, owner, subscription=ref, before=before, limit=limit)

    return await house.database.read(look)


async def get(house: House, principal: Principal, ref: UuidRef) -> tuple[Delivery, Any]:
    """Returns the delivery and the document that it carries. Raises NotFound, also for a foreign one."""
    require(principal, Role.READER)
    found = await house.database.peek(lambda tx: messages.get(tx, principal.organization_id, ref.key))
    if found is None:
        raise NotFound(DELIVERY, ref.text)
    return found[0], json.decode(found[1])


@trail.mutation("redeliverWebhook", DELIVERY, names="ref")
async def redeliver(house: House, principal: Principal, ref: UuidRef) -> Delivery:
    """The message is due at once, with the same id and body, and is tried for a whole window again.

    Raises NotFound, and InvalidInput while an attempt is under way.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "redeliverWebhook", object_type=DELIVERY, object_id=ref.key)

    async def work(tx: Tx) -> Delivery:
        old = await messages.lock(tx, principal.organization_id, ref.key)
        if old is None:
            raise NotFound(DELIVERY, ref.text)
        if old.in_flight:
            raise InvalidInput("An attempt of this delivery is under way. Wait for its end.", "id")
        if old.kind == DeliveryKind.JOB and old.status == DeliveryStatus.DELIVERED:
            raise InvalidInput(f"This event has created its job, once. {old.answer}", "id")
        await messages.send_again(tx, old.number)
        await entries.record(tx, [entry])
        new = await messages.lock(tx, principal.organization_id, ref.key)
        return new or old

    return await house.database.write(work)


@trail.mutation("rotateWebhookSecret", SECRET)
async def rotate_secret(house: House, principal: Principal) -> str:
    """Makes a new secret for the notificationUris of the organization's jobs, and returns it, this once.

    The one before signs too for one more day.
    """
    require(principal, Role.ADMIN)
    entry = trail.entry(principal, "rotateWebhookSecret", object_type=SECRET, object_id=principal.organization_id)

    async def work(tx: Tx) -> str:
        salt = await secrets.rotate(tx, principal.organization_id, secrets.OF_ORGANIZATION)
        await entries.record(tx, [entry])
        return salt

    return secret(house, principal.organization_id, None, await house.database.write(work))


def secret(house: House, organization_id: int, subscription_id: str | None, salt: str) -> str:
    """Returns the secret of a subscription (None: of the organization's notificationUris) with this salt."""
    key = house.secret_key.derive("webhook secrets")
    return signature.secret(key, organization_id, subscription_id or secrets.OF_ORGANIZATION, salt)
