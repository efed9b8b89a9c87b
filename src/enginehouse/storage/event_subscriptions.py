"""Subscriptions to events in storage."""

from collections.abc import Iterable
from typing import Final

from enginehouse.domain.webhooks.subscription import EventSubscription, Subscriber
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ALL: Final = Select("event_subscriptions.of_organization", EventSubscription)
_LOCK: Final = Select("event_subscriptions.lock", EventSubscription)
_OF_EVENT: Final = Select("event_subscriptions.of_event", Subscriber)


async def insert(tx: Tx, subscription: EventSubscription) -> None:
    """Stores a new subscription. It gets what happens in transactions that begin after this one."""
    await tx.run("event_subscriptions.insert", **subscription._asdict())


async def all_(tx: Tx, organization_id: int) -> list[EventSubscription]:
    """Returns the organization's subscriptions, the oldest first. Its limit keeps them few."""
    return await _ALL.all(tx, organization_id=organization_id)


async def all_locked(tx: Tx, organization_id: int) -> list[EventSubscription]:
    """The same. Until the transaction ends, no other one adds a subscription or a definition."""
    await tx.all("event_subscriptions.lock_organization", organization_id=organization_id)
    return await all_(tx, organization_id)


async def follow_template(tx: Tx, organization_id: int, template_id: str, url: str, document: str | None) -> None:
    """What follows an event by this template is this from now on."""
    await tx.run(
        "event_subscriptions.follow_template",
        organization_id=organization_id,
        template_id=template_id,
        url=url,
        document=document,
    )


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EventSubscription]:
    """Returns those of the organization's subscriptions that are in `ids`."""
    own = {one.id: one for one in await all_(tx, organization_id)}
    return {key: own[key] for key in ids if key in own}


async def lock(tx: Tx, organization_id: int, subscription_id: str) -> EventSubscription | None:
    """Returns the organization's subscription, locked until the transaction ends."""
    return await _LOCK.one(tx, id=subscription_id, organization_id=organization_id)


async def of_event(tx: Tx, organization_id: int, application: str) -> list[Subscriber]:
    """Returns the open subscriptions to the events of an application of the organization."""
    return await _OF_EVENT.all(tx, organization_id=organization_id, application=application)


async def delete(tx: Tx, subscription: EventSubscription) -> None:
    """Deletes the subscription."""
    await tx.run("event_subscriptions.delete", id=subscription.id, organization_id=subscription.organization_id)
