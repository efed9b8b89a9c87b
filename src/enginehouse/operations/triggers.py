"""The operations on triggers, which are for events of any application: create several, delete, get and list."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from msgspec import json

from enginehouse.domain.errors import CapacityExceeded, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.webhooks.message import SYSTEM_EVENTS, TOPIC
from enginehouse.domain.webhooks.subscription import EventDefinition, EventSubscription, Origin, TriggersRequest
from enginehouse.operations import bounds, event_actions, event_subscriptions, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.event_actions import EventAction
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.references import Reference, unknown
from enginehouse.storage import event_definitions
from enginehouse.storage import event_subscriptions as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

TRIGGER: Final = "Trigger"
EVERY: Final = "*"
KIND: Final = event_subscriptions.kind_of(Origin.TRIGGER, TRIGGER, "trigger")


async def get(house: House, principal: Principal, ref: UuidRef) -> EventSubscription:
    """Returns the trigger. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal) -> list[EventSubscription]:
    """Returns the organization's triggers, the oldest first."""
    found = await owned.page(house, principal, 0, 1, storage.all_)
    return [one for one in found if one.origin == Origin.TRIGGER]


@trail.mutation("createTriggers", TRIGGER)
async def create(
    house: House, principal: Principal, request: TriggersRequest, *, references: Sequence[Reference] = ()
) -> list[EventSubscription]:
    """Creates one trigger for each type, each name and each wish, all or none.

    `references` are ids that the jobs only name. Raises InvalidInput with all problems, NotFound for a target that a
    job names, CapacityExceeded.
    """
    require(principal, KIND.role)
    problems = _bounds(house, request)
    bounds.refuse(problems)
    actions = list[EventAction]()
    for wish in request.wishes:
        action, found = await event_actions.checked(house, principal, wish)
        actions.append(action)
        problems += found
    problems += await unknown(house, principal, references)
    entry = trail.entry(principal, "createTriggers", object_type=TRIGGER)

    async def work(tx: Tx) -> list[EventSubscription]:
        before = await storage.all_locked(tx, principal.organization_id)
        known = await event_definitions.all_(tx, principal.organization_id)
        found = [*_unknown(request, known), *problems]
        follows = list[EventAction]()
        for wish, action in zip(request.wishes, actions, strict=True):
            resolved, missing = await event_actions.with_template(tx, principal, wish, action)
            follows.append(resolved)
            found += missing
        bounds.refuse(found)
        new = [
            _trigger(tx, principal, request, type_, name, number, follows[number])
            for type_ in request.types
            for name in request.names
            for number in range(len(follows))
        ]
        if len(before) + len(new) > house.limits.subscriptions:
            raise CapacityExceeded(f"Organization limit of {house.limits.subscriptions} subscriptions reached.")
        for n, one in enumerate(new):
            await storage.insert(tx, one._replace(created_at=tx.now + n))  # lists keep their order
        await entries.record(tx, [entry.about(one.id) for one in new])
        return new

    return await house.database.write(work)


@trail.mutation("deleteTrigger", TRIGGER, names="ref")
async def delete(house: House, principal: Principal, ref: UuidRef) -> None:
    """The trigger is gone, and what waited for it is given up. Raises NotFound."""
    await owned.change(house, KIND, principal, "deleteTrigger", ref, event_subscriptions.remove)


def _trigger(
    tx: Tx, principal: Principal, request: TriggersRequest, type_: str, name: str, number: int, action: EventAction
) -> EventSubscription:
    return EventSubscription(
        id=str(uuid4()),
        organization_id=principal.organization_id,
        application="",
        event_type="" if type_ == EVERY else type_,
        event_name="" if name == EVERY else name,
        url=action.url,
        params=json.encode(request.wishes[number].params).decode(),
        conditions=None,
        created_by=principal.user_id,
        created_at=tx.now,
        origin=Origin.TRIGGER,
        action=action.action,
        document=action.document,
        template_id=action.template_id,
    )


def _bounds(house: House, request: TriggersRequest) -> list[Problem]:
    if not request.wishes:
        return [Problem("targets", "at least 1 target is needed.", "0")]
    count = len(request.names) * len(request.types) * len(request.wishes)
    if count > house.limits.subscriptions:
        return [Problem("", f"This would be {count} triggers, at most {house.limits.subscriptions}.", str(count))]
    return []


def _unknown(request: TriggersRequest, known: list[EventDefinition]) -> list[Problem]:
    """Returns a problem for each type and name that no event has. A topic can have any name."""
    types = {EVERY, TOPIC, *SYSTEM_EVENTS, *(one.event_type for one in known)}
    names = {EVERY, *sum(SYSTEM_EVENTS.values(), ()), *(one.event_name for one in known)}
    problems = [
        Problem("types", f"one of {', '.join(sorted(types))}, got {excerpt(each)}.", excerpt(each))
        for each in request.types
        if each not in types
    ]
    if TOPIC in request.types:
        return problems + [
            p for each in request.names for p in bounds.text("events", each, longest=bounds.LONGEST_NAME)
        ]
    return problems + [
        Problem("events", f"one of {', '.join(sorted(names))}, got {excerpt(each)}.", excerpt(each))
        for each in request.names
        if each not in names
    ]
