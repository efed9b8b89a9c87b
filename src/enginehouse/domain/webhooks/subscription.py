"""Subscriptions to events, and the events that an organization declares. (graphql-contract §2.9, §3.10)"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from enginehouse.domain.webhooks import conditions
from enginehouse.domain.webhooks.message import EventName


class EventSubscription(NamedTuple):
    """A subscription. An empty type or name means every one; `params` and `conditions` are JSON text; times in µs."""

    id: str
    organization_id: int
    application: str
    event_type: str
    event_name: str
    url: str
    params: str
    conditions: str | None
    created_by: str | None
    created_at: int
    ended_at: int | None = None


class Subscriber(NamedTuple):
    """What decides whether an open subscription gets an event, and where it is sent."""

    id: str
    organization_id: int
    event_type: str
    event_name: str
    url: str
    conditions: str | None

    def wants(self, event: EventName, document: Mapping[str, Any]) -> bool:
        """Returns True for an event that the subscription names and whose document fulfils the conditions."""
        return (
            self.event_type in ("", event.type)
            and self.event_name in ("", event.name)
            and (self.conditions is None or conditions.matches(msgspec.json.decode(self.conditions), document))
        )


class SubscriptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as the client describes it. `delivery` names a way to deliver, with `params`."""

    application: str
    delivery: str
    params: Any
    event_type: str | None = None
    event_name: str | None = None
    conditions: Any = None


class EventDefinition(NamedTuple):
    """An event that an organization emits itself. Times in µs."""

    id: str
    organization_id: int
    application: str
    event_type: str
    event_name: str
    is_public: int
    description: str | None
    schema_data: str
    created_by: str | None
    created_at: int


class EventRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an event that a client gives; None means that it does not say."""

    application: str | None = None
    event_type: str | None = None
    event_name: str | None = None
    is_public: bool | None = None
    description: str | None = None
    schema_data: str | None = None
