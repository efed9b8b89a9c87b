"""The operations on subscriptions to events: subscribe, unsubscribe, get and list, and replace the secret."""

from typing import Any, Final
from uuid import uuid4

from msgspec import json

from enginehouse.domain.errors import CapacityExceeded, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.webhooks import conditions
from enginehouse.domain.webhooks.message import SYSTEM, SYSTEM_EVENTS
from enginehouse.domain.webhooks.subscription import EventSubscription, SubscriptionRequest
from enginehouse.operations import bounds, owned, webhooks
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.storage import event_subscriptions as storage
from enginehouse.storage import identity
from enginehouse.storage.database.database import Tx
from enginehouse.storage.outbox import claims, secrets

SUBSCRIPTION: Final = "EventSubscription"
KIND: Final = OwnedKind(SUBSCRIPTION, "subscription", by_ids=storage.by_ids, lock=storage.lock)
WEBHOOK: Final = "Webhook"
_JSON: Final = "json"


async def get(house: House, principal: Principal, ref: UuidRef) -> EventSubscription:
    """Returns the subscription. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal) -> list[EventSubscription]:
    """Returns the organization's subscriptions, the oldest first."""
    return await owned.page(house, principal, 0, 1, storage.all_)


@trail.mutation("subscribeEvent", SUBSCRIPTION)
async def subscribe(house: House, principal: Principal, request: SubscriptionRequest) -> EventSubscription:
    """The organization gets these events at this address, from the next transaction on.

    Raises InvalidInput with all problems, CapacityExceeded.
    """
    url, problems = _url(house, request)
    problems += conditions.problems(request.conditions, "conditions")
    problems += bounds.json("conditions", request.conditions)

    async def make(tx: Tx) -> EventSubscription:
        application = await _application(tx, principal, request)
        bounds.refuse([*_event_problems(request, application), *problems])
        if len(await storage.all_locked(tx, principal.organization_id)) >= house.limits.subscriptions:
            raise CapacityExceeded(f"Organization limit of {house.limits.subscriptions} subscriptions reached.")
        new = EventSubscription(
            id=str(uuid4()),
            organization_id=principal.organization_id,
            application=application,
            event_type=request.event_type or "",
            event_name=request.event_name or "",
            url=url,
            params=json.encode(request.params).decode(),
            conditions=json.encode(request.conditions).decode() if request.conditions else None,
            created_by=principal.user_id,
            created_at=tx.now,
        )
        await storage.insert(tx, new)
        return new

    return await owned.create(house, KIND, principal, "subscribeEvent", make)


@trail.mutation("unsubscribeEvent", SUBSCRIPTION, names="ref")
async def unsubscribe(house: House, principal: Principal, ref: UuidRef) -> None:
    """The subscription is gone, and what waited for it is given up. Raises NotFound."""

    async def remove(tx: Tx, subscription: EventSubscription) -> None:
        await claims.end_subscription(tx, subscription.organization_id, subscription.id)
        await secrets.forget(tx, subscription.organization_id, subscription.id)
        await storage.delete(tx, subscription)

    await owned.change(house, KIND, principal, "unsubscribeEvent", ref, remove)


@trail.mutation("rotateSubscriptionSecret", SUBSCRIPTION, names="ref")
async def rotate_secret(house: House, principal: Principal, ref: UuidRef) -> str:
    """Makes a new secret for the subscription and returns it, this once. Raises NotFound.

    The one before signs too for one more day.
    """

    async def rotate(tx: Tx, subscription: EventSubscription) -> str:
        return await secrets.rotate(tx, subscription.organization_id, subscription.id)

    salt = await owned.change(house, KIND, principal, "rotateSubscriptionSecret", ref, rotate)
    return webhooks.secret(house, principal.organization_id, ref.key, salt)


async def _application(tx: Tx, principal: Principal, request: SubscriptionRequest) -> str:
    """Returns the application whose events are meant. The jobs of the organization are those of its application too."""
    own = await identity.organization(tx, principal.organization_id)
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
    types = tuple(SYSTEM_EVENTS)
    if request.event_type and request.event_type not in SYSTEM_EVENTS:
        text = f"one of {', '.join(types)}, got {excerpt(request.event_type)}."
        return [Problem("eventType", text, excerpt(request.event_type), ", ".join(types))]
    names = SYSTEM_EVENTS.get(request.event_type or "", sum(SYSTEM_EVENTS.values(), ()))
    if request.event_name and request.event_name not in names:
        text = f"one of {', '.join(names)}, got {excerpt(request.event_name)}."
        return [Problem("eventName", text, excerpt(request.event_name), ", ".join(names))]
    return []


def _url(house: House, request: SubscriptionRequest) -> tuple[str, list[Problem]]:
    """Returns the address in the parameters, and what is wrong with the delivery."""
    if request.delivery != WEBHOOK:
        text = f"this server delivers by Webhook only, not by {excerpt(request.delivery)}."
        return "", [Problem("delivery.name", text, excerpt(request.delivery), WEBHOOK)]
    params: Any = request.params
    if not isinstance(params, dict):
        return "", [Problem("delivery.params", "must be an object with the url.", excerpt(params))]
    problems = bounds.json("delivery.params", params)
    key = "uri" if "uri" in params and "url" not in params else "url"
    url = params.get(key)
    if "uri" in params and "url" in params and params["uri"] != url:
        problems.append(Problem("delivery.params", "give url or uri, not two different addresses."))
    if fault := webhooks.url_fault(house, url):
        problems.append(Problem(f"delivery.params.{key}", fault, None if url is None else excerpt(url)))
    if params.get("encoding") not in (None, _JSON):
        text = f"messages are {_JSON}, got {excerpt(params['encoding'])}."
        problems.append(Problem("delivery.params.encoding", text, excerpt(params["encoding"]), _JSON))
    if params.get("template"):
        problems.append(Problem("delivery.params.template", "templates of messages are not supported."))
    return url if isinstance(url, str) else "", problems
