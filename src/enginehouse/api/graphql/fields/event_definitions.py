"""The queries and mutations of the events that an organization declares, and the fields of an Event."""

from hashlib import sha256
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.webhooks.message import EventName
from enginehouse.domain.webhooks.subscription import EventDefinition, EventRequest
from enginehouse.operations import event_definitions

query, mutation, event_type = QueryType(), MutationType(), ObjectType("Event")


@query.field("event")
async def get(_: object, info: Info, id: str) -> EventDefinition:
    """Returns the event with this id."""
    return await event_definitions.get(info.context.house, info.context.principal, refs.event_definition(id))


@query.field("events")
async def list_(
    _: object, info: Info, application: str, offset: int | None = None, limit: int | None = None
) -> paging.Page:
    """Returns a page of the application's events, by type and name."""
    found = await event_definitions.list_(info.context.house, info.context.principal)
    return paging.page([one for one in found if one.application == application], offset, limit, paging.SOURCES)


@mutation.field("createEvent")
async def create(_: object, info: Info, input: dict[str, Any]) -> EventDefinition:
    """The event is declared."""
    return await event_definitions.create(info.context.house, info.context.principal, _request(input))


@mutation.field("updateEvent")
async def update(_: object, info: Info, input: dict[str, Any]) -> EventDefinition:
    """The given fields of the event are changed."""
    ref = refs.event_definition(input["id"])
    return await event_definitions.update(info.context.house, info.context.principal, ref, _request(input))


@mutation.field("emitEvent")
async def emit(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """The event has happened."""
    event = EventName(input["application"], input["eventType"], input["eventName"])
    emitted = await event_definitions.emit(info.context.house, info.context.principal, event, input["payload"])
    return {"id": emitted.id, "decoder": "json", "subscriptions": emitted.subscriptions}


@mutation.field("emitSystemEvent")
async def emit_topic(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Something has happened under this topic."""
    topic, payload = input["topic"], input["payload"]
    emitted = await event_definitions.emit_topic(info.context.house, info.context.principal, topic, payload)
    return {
        "id": emitted.id,
        "topic": topic,
        "payload": payload,
        "timestamp": graphql_millis(emitted.at),
        "subscriptions": emitted.subscriptions,
    }


def _request(fields: dict[str, Any]) -> EventRequest:
    return EventRequest(
        application=fields.get("application"),
        event_type=fields.get("eventType"),
        event_name=fields.get("eventName"),
        is_public=fields.get("public"),
        description=fields.get("description"),
        schema_data=fields.get("schemaData"),
    )


event_type.set_field("eventName", lambda one, _: one.event_name)
event_type.set_field("eventType", lambda one, _: one.event_type)
event_type.set_field("public", lambda one, _: bool(one.is_public))
event_type.set_field("schemaData", lambda one, _: one.schema_data)
event_type.set_field("schemaHash", lambda one, _: sha256(one.schema_data.encode()).hexdigest())
event_type.set_field("createdDateTime", lambda one, _: graphql_millis(one.created_at))
event_type.set_field("createdBy", lambda one, _: one.created_by or "")

BINDABLES: Final = [query, mutation, event_type]
