"""The operations on subscriptions to events: subscribe, unsubscribe, get and list, and replace the secret."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

from msgspec import json

from enginehouse.domain.errors import CapacityExceeded, InvalidInput, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.webhooks import conditions
from enginehouse.domain.webhooks.message import SYSTEM, SYSTEM_EVENTS, TOPIC
from enginehouse.domain.webhooks.subscription import EventSubscription, Origin, SubscriptionRequest
from enginehouse.operations import bounds, event_actions, owned, webhooks
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.operations.references import Reference, unknown
from enginehouse.storage import event_subscriptions as storage
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Tx
from enginehouse.storage.outbox import claims, messages, secrets

SUBSCRIPTION: Final = webhooks.SUBSCRIPTION
BATCH: Final = 500  # messages that one transaction sends again


def kind_of(origin: Origin, type_: str, word: str) -> OwnedKind[str, EventSubscription]:
    """Returns the kind of the subscriptions that were stated in this way."""

    async def by_ids(tx: Tx, organization_id: int, ids: Iterable[str]) -> dict[str, EventSubscription]:
        found = await storage.by_ids(tx, organization_id, ids)
        return {key: one for key, one in found.items() if one.origin == origin}

    async def lock(tx: Tx, organization_id: int, key: str) -> EventSubscription | None:
        found = await storage.lock(tx, organization_id, key)
        return found if found is not None and found.origin == origin else None

    return OwnedKind(type_, word, by_ids=by_ids, lock=lock)


KIND: Final = kind_of(Origin.SUBSCRIPTION, SUBSCRIPTION, "subscription")
_WITH_SECRET: Final = OwnedKind(SUBSCRIPTION, "subscription", by_ids=storage.by_ids, lock=storage.lock)


async def get(house: House, principal: Principal, ref: UuidRef) -> EventSubscription:
    """Returns the subscription. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal) -> list[EventSubscription]:
    """Returns the organization's subscriptions, the oldest first."""
    found = await owned.page(house, principal, 0, 1, storage.all_)
    return [one for one in found if one.origin == Origin.SUBSCRIPTION]


async def find(house: House, principal: Principal, ref: UuidRef) -> EventSubscription:
    """Returns the subscription or trigger. Raises NotFound, also for a foreign one."""
    return await owned.get(house, _WITH_SECRET, principal, ref)


@trail.mutation("subscribeEvent", SUBSCRIPTION)
async def subscribe(
    house: House, principal: Principal, request: SubscriptionRequest, *, references: Sequence[Reference] = ()
) -> EventSubscription:
    """These events are followed by a message or a job, from the next transaction on.

    `references` are ids that the job only names. Raises InvalidInput with all problems, NotFound for a target that the
    job names, CapacityExceeded.
    """
    require(principal, KIND.role)
    action, problems = await event_actions.checked(house, principal, request.wish)
    problems += await unknown(house, principal, references)
    problems += conditions.problems(request.conditions, "conditions")
    problems += bounds.json("conditions", request.conditions)

    async def make(tx: Tx) -> EventSubscription:
        application = await _application(tx, principal, request)
        follows, missing = await event_actions.with_template(tx, principal, request.wish, action)
        bounds.refuse([*_event_problems(request, application), *problems, *missing])
        if len(await storage.all_locked(tx, principal.organization_id)) >= house.limits.subscriptions:
            raise CapacityExceeded(f"Organization limit of {house.limits.subscriptions} subscriptions reached.")
        new = EventSubscription(
            id=str(uuid4()),
            organization_id=principal.organization_id,
            application=application,
            event_type=request.event_type or "",
            event_name=request.event_name or "",
            url=follows.url,
            params=json.encode(request.wish.params).decode(),
            conditions=json.encode(request.conditions).decode() if request.conditions else None,
            created_by=principal.user_id,
            created_at=tx.now,
            action=follows.action,
            document=follows.document,
            template_id=follows.template_id,
        )
        await storage.insert(tx, new)
        return new

    return await owned.create(house, KIND, principal, "subscribeEvent", make)


@trail.mutation("unsubscribeEvent", SUBSCRIPTION, names="ref")
async def unsubscribe(house: House, principal: Principal, ref: UuidRef) -> None:
    """The subscription is gone, and what waited for it is given up. Raises NotFound."""
    await owned.change(house, KIND, principal, "unsubscribeEvent", ref, remove)


async def remove(tx: Tx, subscription: EventSubscription) -> None:
    """The locked subscription is gone, and what waited for it is given up."""
    await claims.end_subscription(tx, subscription.organization_id, subscription.id)
    await secrets.forget(tx, subscription.organization_id, subscription.id)
    await storage.delete(tx, subscription)


@trail.mutation("rotateSubscriptionSecret", SUBSCRIPTION, names="ref")
async def rotate_secret(house: House, principal: Principal, ref: UuidRef) -> str:
    """Makes a new secret for the subscription or trigger and returns it, this once. Raises NotFound.

    The one before signs too for one more day.
    """

    async def rotate(tx: Tx, subscription: EventSubscription) -> str:
        return await secrets.rotate(tx, subscription.organization_id, subscription.id)

    salt = await owned.change(house, _WITH_SECRET, principal, "rotateSubscriptionSecret", ref, rotate)
    return webhooks.secret(house, principal.organization_id, ref.key, salt)


@trail.mutation("redeliverWebhooks", SUBSCRIPTION, names="ref")
async def redeliver(house: House, principal: Principal, ref: UuidRef) -> int:
    """Every failed message of the subscription or trigger is due at once, with its id and body. Returns how many.

    It works in batches. Messages that fail meanwhile again are left as they are. Raises NotFound, and InvalidInput if
    the receiver has ended the subscription.
    """

    async def first(tx: Tx, subscription: EventSubscription) -> list[int]:
        if subscription.ended_at is not None:
            raise InvalidInput("The receiver wants no more messages of this subscription.", "id")
        return await messages.send_failed_again(tx, subscription.organization_id, subscription.id, after=0, limit=BATCH)

    batch = await owned.change(house, _WITH_SECRET, principal, "redeliverWebhooks", ref, first)
    count = len(batch)
    while len(batch) == BATCH:
        after = batch[-1]

        async def next_(tx: Tx, after: int = after) -> list[int]:
            owner = principal.organization_id
            return await messages.send_failed_again(tx, owner, ref.key, after=after, limit=BATCH)

        batch = await house.database.write(next_)
        count += len(batch)
    return count


async def _application(tx: Tx, principal: Principal, request: SubscriptionRequest) -> str:
    """Returns the application whose events are meant. The jobs of the organization are those of its application too."""
    own = await stored_organizations.organization(tx, principal.organization_id)
    names_job = request.event_name in SYSTEM_EVENTS.get(request.event_type or "", ())
    return (
        SYSTEM if names_job and own is not None and own.application_id == request.application else request.application
    )


def _event_problems(request: SubscriptionRequest, application: str) -> list[Problem]:
    problems = bounds.text("application", request.application, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("eventType", request.event_type, longest=bounds.LONGEST_NAME)
    problems += bounds.text("eventName", request.event_name, longest=bounds.LONGEST_NAME)
    if application != SYSTEM or problems:
        return problems
    if request.event_type == TOPIC:
        return []
    types = (*SYSTEM_EVENTS, TOPIC)
    if request.event_type and request.event_type not in SYSTEM_EVENTS:
        text = f"one of {', '.join(types)}, got {excerpt(request.event_type)}."
        return [Problem("eventType", text, excerpt(request.event_type), ", ".join(types))]
    names = SYSTEM_EVENTS.get(request.event_type or "", sum(SYSTEM_EVENTS.values(), ()))
    if request.event_name and request.event_name not in names:
        text = f"one of {', '.join(names)}, got {excerpt(request.event_name)}."
        return [Problem("eventName", text, excerpt(request.event_name), ", ".join(names))]
    return []
