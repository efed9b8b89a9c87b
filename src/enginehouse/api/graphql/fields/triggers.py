"""The queries and mutations of triggers, and the fields of a Trigger."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType
from msgspec import json

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import wishes
from enginehouse.api.input import refs
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.webhooks.subscription import Action, EventSubscription, TriggersRequest
from enginehouse.operations import event_actions, triggers

query, mutation, trigger_type = QueryType(), MutationType(), ObjectType("Trigger")


@query.field("trigger")
async def get(_: object, info: Info, id: str) -> EventSubscription:
    """Returns the trigger with this id."""
    return await triggers.get(info.context.house, info.context.principal, refs.trigger(id))


@query.field("triggers")
async def list_(_: object, info: Info) -> list[EventSubscription]:
    """Returns all triggers of the organization, the oldest first."""
    return await triggers.list_(info.context.house, info.context.principal)


@mutation.field("createTriggers")
async def create(_: object, info: Info, input: dict[str, Any]) -> list[EventSubscription]:
    """The organization has the triggers."""
    given = [each for each in input.get("targets") or () if each is not None]
    read = [wishes.wish(info.schema, each, f"targets[{n}].") for n, each in enumerate(given)]
    request = TriggersRequest(
        names=_listed(input.get("events")),
        types=_listed(input.get("types")),
        wishes=tuple(wish for wish, _ in read),
    )
    named = [reference for _, references in read for reference in references]
    return await triggers.create(info.context.house, info.context.principal, request, references=named)


@mutation.field("deleteTrigger")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The trigger is gone."""
    ref = refs.trigger(id)
    await triggers.delete(info.context.house, info.context.principal, ref)
    return {"id": ref.uuid, "message": f"Trigger {ref.uuid} was deleted."}


def _listed(text: str | None) -> tuple[str, ...]:
    """Returns the words of a list with commas, each once; every one if there are none."""
    words = dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip())
    return (triggers.EVERY,) if not words or triggers.EVERY in words else tuple(words)


trigger_type.set_field("event", lambda one, _: one.event_name or triggers.EVERY)
trigger_type.set_field("eventType", lambda one, _: one.event_type or triggers.EVERY)
trigger_type.set_field("target", lambda one, _: event_actions.NAMES[Action(one.action)])
trigger_type.set_field("consumerParams", lambda one, _: json.decode(one.params))
trigger_type.set_field("createdDateTime", lambda one, _: graphql_millis(one.created_at))
trigger_type.set_field("modifiedDateTime", lambda one, _: graphql_millis(one.ended_at or one.created_at))
trigger_type.set_field("createdBy", lambda one, _: one.created_by or "")
trigger_type.set_field("updatedBy", lambda one, _: one.created_by or "")
trigger_type.set_field("endedDateTime", lambda one, _: None if one.ended_at is None else graphql_millis(one.ended_at))

BINDABLES: Final = [query, mutation, trigger_type]
