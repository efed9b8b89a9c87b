"""The operations on the events that an organization declares: create, update, get, list and emit."""

from typing import Any, Final, NamedTuple
from uuid import uuid4

from msgspec import DecodeError, json

from enginehouse.domain.errors import CapacityExceeded, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.webhooks import message
from enginehouse.domain.webhooks.message import SYSTEM, SYSTEM_EVENTS, TOPIC, EventName
from enginehouse.domain.webhooks.subscription import EventDefinition, EventRequest
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.storage import event_definitions as storage
from enginehouse.storage import event_subscriptions
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.outbox import messages
from enginehouse.storage.outbox.messages import NewMessage

EVENT: Final = "Event"
KIND: Final = OwnedKind(EVENT, "event", by_ids=storage.by_ids, lock=storage.lock)
LONGEST_SCHEMA: Final = 262_144
LONGEST_PAYLOAD: Final = 262_144  # bytes


class Emitted(NamedTuple):
    """An emitted event: its id, and how many subscriptions and triggers want it."""

    id: str
    subscriptions: int


class EmittedTopic(NamedTuple):
    """The same for an event under a topic; `at` is when it happened (µs)."""

    id: str
    at: int
    subscriptions: int


async def get(house: House, principal: Principal, ref: UuidRef) -> EventDefinition:
    """Returns the event. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal) -> list[EventDefinition]:
    """Returns the organization's events by application, type and name."""
    return await owned.page(house, principal, 0, 1, storage.all_)


@trail.mutation("createEvent", EVENT)
async def create(house: House, principal: Principal, request: EventRequest) -> EventDefinition:
    """Declares the event. Raises InvalidInput with all problems, CapacityExceeded."""
    problems = _name_problems(request) + _problems(request)

    async def make(tx: Tx) -> EventDefinition:
        bounds.refuse(problems)
        await event_subscriptions.all_locked(tx, principal.organization_id)
        known = await storage.all_(tx, principal.organization_id)
        if _named(known, EventName(request.application or "", request.event_type or "", request.event_name or "")):
            text = f'the application has this event already, of the type "{request.event_type}".'
            bounds.refuse([Problem("eventName", text, request.event_name)])
        if len(known) >= house.limits.events:
            raise CapacityExceeded(f"Organization limit of {house.limits.events} events reached.")
        new = EventDefinition(
            id=str(uuid4()),
            organization_id=principal.organization_id,
            application=request.application or "",
            event_type=request.event_type or "",
            event_name=request.event_name or "",
            is_public=int(request.is_public or False),
            description=request.description,
            schema_data=request.schema_data or "",
            created_by=principal.user_id,
            created_at=tx.now,
        )
        await storage.put(tx, new)
        return new

    return await owned.create(house, KIND, principal, "createEvent", make)


@trail.mutation("updateEvent", EVENT, names="ref")
async def update(house: House, principal: Principal, ref: UuidRef, request: EventRequest) -> EventDefinition:
    """Changes the description, the schema or `public`, as given. Raises NotFound, InvalidInput with all problems."""

    async def change(tx: Tx, old: EventDefinition) -> EventDefinition:
        bounds.refuse(_problems(request))
        new = old._replace(
            is_public=old.is_public if request.is_public is None else int(request.is_public),
            description=old.description if request.description is None else request.description,
            schema_data=old.schema_data if request.schema_data is None else request.schema_data,
        )
        await storage.put(tx, new)
        return new

    return await owned.change(house, KIND, principal, "updateEvent", ref, change)


@trail.mutation("emitEvent", EVENT)
async def emit(house: House, principal: Principal, event: EventName, payload: str) -> Emitted:
    """The event has happened: every subscription that wants it gets it, at least once.

    Raises NotFound for an event that is not declared, InvalidInput, and CapacityExceeded while too much waits.
    """
    require(principal, Role.USER)
    problems = bounds.text("payload", payload, longest=LONGEST_PAYLOAD)
    if not problems and (size := len(payload.encode())) > LONGEST_PAYLOAD:
        problems.append(Problem("payload", f"{size} bytes, at most {LONGEST_PAYLOAD}."))
    bounds.refuse([*_system_problems(event.application), *problems])
    data, emitted = _data(payload), str(uuid4())
    entry = trail.entry(principal, "emitEvent", object_type=EVENT)

    async def work(tx: Tx) -> Emitted:
        definition = _named(await storage.all_(tx, principal.organization_id), event)
        if definition is None:
            raise NotFound(EVENT, "/".join(event))
        count = await _tell(tx, house, principal, event, data)
        await entries.record(tx, [entry.about(definition.id)])
        return Emitted(emitted, count)

    return await house.database.write(work)


@trail.mutation("emitSystemEvent", EVENT)
async def emit_topic(house: House, principal: Principal, topic: str, payload: Any) -> EmittedTopic:
    """Something has happened under this topic: an event of the application "system" and the type "topic".

    Raises InvalidInput, also for the name of an event that only the server emits, and CapacityExceeded.
    """
    require(principal, Role.ADMIN)
    problems = bounds.text("topic", topic, longest=bounds.LONGEST_NAME, required=True)
    if topic in sum(SYSTEM_EVENTS.values(), ()):
        problems.append(Problem("topic", "the server alone emits this event.", topic))
    unreadable = bounds.json("payload", payload)
    if not unreadable and (size := len(json.encode(payload))) > LONGEST_PAYLOAD:
        problems.append(Problem("payload", f"{size} bytes, at most {LONGEST_PAYLOAD}."))
    bounds.refuse([*problems, *unreadable])
    event, emitted = EventName(SYSTEM, TOPIC, topic), str(uuid4())
    entry = trail.entry(
        principal, "emitSystemEvent", object_type=EVENT, object_id=emitted, detail=trail.printable(topic)
    )

    async def work(tx: Tx) -> EmittedTopic:
        count = await _tell(tx, house, principal, event, payload)
        await entries.record(tx, [entry])
        return EmittedTopic(emitted, tx.now, count)

    return await house.database.write(work)


async def _tell(tx: Tx, house: House, principal: Principal, event: EventName, data: Any) -> int:
    """Everything that follows the event is in the outbox. Returns how many subscriptions and triggers want it."""
    document = message.document(event, tx.now, data)
    listeners = await event_subscriptions.of_event(tx, principal.organization_id, event.application)
    wanted = [each for each in listeners if each.wants(event, document)]
    if wanted and await messages.waiting_bytes(tx, principal.organization_id) >= house.limits.outbox_bytes:
        raise CapacityExceeded("Too many bytes of messages wait for their receivers. Emit the event later.")
    body = message.encoded(document)
    await messages.insert(
        tx,
        [
            NewMessage(
                organization_id=principal.organization_id, kind=each.kind, subscription_id=each.id,
                url=each.url, event=event.name, body=body,
            )
            for each in wanted
        ],
    )  # fmt: skip
    return len(wanted)


def _named(known: list[EventDefinition], event: EventName) -> EventDefinition | None:
    return next((one for one in known if (one.application, one.event_type, one.event_name) == event), None)


def _name_problems(request: EventRequest) -> list[Problem]:
    problems = bounds.text("application", request.application, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("eventType", request.event_type, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("eventName", request.event_name, longest=bounds.LONGEST_NAME, required=True)
    return problems + _system_problems(request.application)


def _system_problems(application: str | None) -> list[Problem]:
    if application != SYSTEM:
        return []
    return [Problem("application", f'"{SYSTEM}" is the server itself, which alone emits its events.', SYSTEM)]


def _problems(request: EventRequest) -> list[Problem]:
    problems = bounds.text("description", request.description)
    return problems + bounds.text("schemaData", request.schema_data, longest=LONGEST_SCHEMA)


def _data(payload: str) -> Any:
    """Returns the payload as JSON; a text that is no JSON as it is."""
    try:
        return json.decode(payload)
    except (DecodeError, RecursionError):
        return payload
