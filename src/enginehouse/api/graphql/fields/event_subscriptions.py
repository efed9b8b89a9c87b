"""The queries and mutations of subscriptions to events, and the fields of an EventSubscription."""

from hashlib import sha256
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType
from msgspec import json

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging, wishes
from enginehouse.api.input import refs
from enginehouse.domain.times import graphql_millis
from enginehouse.domain.webhooks.subscription import Action, EventSubscription, SubscriptionRequest
from enginehouse.operations import event_actions, event_subscriptions, webhooks

query, mutation, subscription_type = QueryType(), MutationType(), ObjectType("EventSubscription")


@query.field("eventSubscription")
async def get(_: object, info: Info, id: str) -> EventSubscription:
    """Returns the subscription with this id."""
    return await event_subscriptions.get(info.context.house, info.context.principal, refs.event_subscription(id))


@query.field("eventSubscriptions")
async def list_(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's subscriptions, the oldest first."""
    found = await event_subscriptions.list_(info.context.house, info.context.principal)
    if args.get("ids") is not None:
        found = [one for one in found if one.id in args["ids"]]
    if args.get("eventName") is not None:
        found = [one for one in found if one.event_name == args["eventName"]]
    if args.get("eventType") is not None:
        found = [one for one in found if one.event_type == args["eventType"]]
    return paging.page(found, args.get("offset"), args.get("limit"), paging.SOURCES)


@mutation.field("subscribeEvent")
async def subscribe(_: object, info: Info, input: dict[str, Any]) -> str:
    """The organization gets the events. Returns the id of the subscription."""
    wish, named = wishes.wish(info.schema, input["delivery"], "delivery.")
    request = SubscriptionRequest(
        application=input["application"],
        wish=wish,
        event_type=input.get("eventType"),
        event_name=input.get("eventName"),
        conditions=input.get("conditions"),
    )
    house, principal = info.context.house, info.context.principal
    return (await event_subscriptions.subscribe(house, principal, request, references=named)).id


@mutation.field("unsubscribeEvent")
async def unsubscribe(_: object, info: Info, id: str) -> dict[str, Any]:
    """The subscription is gone."""
    ref = refs.event_subscription(id)
    await event_subscriptions.unsubscribe(info.context.house, info.context.principal, ref)
    return {"id": ref.uuid, "message": f"EventSubscription {ref.uuid} was deleted."}


@mutation.field("rotateSubscriptionSecret")
async def rotate_secret(_: object, info: Info, id: str) -> dict[str, str]:
    """The subscription has a new secret."""
    ref = refs.event_subscription(id)
    return {"secret": await event_subscriptions.rotate_secret(info.context.house, info.context.principal, ref)}


@mutation.field("rotateWebhookSecret")
async def rotate_common_secret(_: object, info: Info) -> dict[str, str]:
    """The notificationUris of the organization's jobs have a new secret."""
    return {"secret": await webhooks.rotate_secret(info.context.house, info.context.principal)}


def _hash(subscription: EventSubscription) -> str:
    return sha256(json.encode(subscription[1:8])).hexdigest()


subscription_type.set_field("organizationId", lambda one, _: str(one.organization_id))
subscription_type.set_field("eventName", lambda one, _: one.event_name)
subscription_type.set_field("eventType", lambda one, _: one.event_type)
subscription_type.set_field("targetName", lambda one, _: event_actions.NAMES[Action(one.action)])
subscription_type.set_field("consumerParams", lambda one, _: json.decode(one.params))
subscription_type.set_field("subscriptionHash", lambda one, _: _hash(one))
subscription_type.set_field("createdDateTime", lambda one, _: graphql_millis(one.created_at))
subscription_type.set_field(
    "conditions", lambda one, _: None if one.conditions is None else json.decode(one.conditions)
)
subscription_type.set_field(
    "endedDateTime", lambda one, _: None if one.ended_at is None else graphql_millis(one.ended_at)
)

BINDABLES: Final = [query, mutation, subscription_type]
