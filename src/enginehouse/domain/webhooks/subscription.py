"""Subscriptions to events, and the events that an organization declares. (graphql-contract §2.9, §3.10)"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from enginehouse.domain.errors import Problem
from enginehouse.domain.job import JobRequest
from enginehouse.domain.webhooks import conditions
from enginehouse.domain.webhooks.delivery import DeliveryKind
from enginehouse.domain.webhooks.message import EventName


class Action(StrEnum):
    """What follows an event."""

    WEBHOOK = "webhook"
    JOB = "job"


class Origin(StrEnum):
    """How a standing wish was stated: by `subscribeEvent` or by `createTriggers`."""

    SUBSCRIPTION = "subscription"
    TRIGGER = "trigger"


class EventSubscription(NamedTuple):
    """A subscription or a trigger. An empty application, type or name means every one. Times in µs.

    `params`, `conditions` and `document` are JSON text. `document` is the job to create, None for a webhook.
    """

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
    origin: str = Origin.SUBSCRIPTION
    action: str = Action.WEBHOOK
    document: str | None = None
    template_id: str | None = None


class Subscriber(NamedTuple):
    """What decides whether an open subscription gets an event, and what follows: a message to `url`, or a job."""

    id: str
    organization_id: int
    event_type: str
    event_name: str
    url: str
    conditions: str | None
    action: str

    @property
    def kind(self) -> DeliveryKind:
        return DeliveryKind.JOB if self.action == Action.JOB else DeliveryKind.EVENT

    def wants(self, event: EventName, document: Mapping[str, Any]) -> bool:
        """Returns True for an event that the subscription names and whose document fulfils the conditions."""
        return (
            self.event_type in ("", event.type)
            and self.event_name in ("", event.name)
            and (self.conditions is None or conditions.matches(msgspec.json.decode(self.conditions), document))
        )


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What shall follow, as the client describes it: a way to deliver with its `params`.

    `job` is the job in the parameters, and `problems` is what is wrong with it, both as the entrance has read them.
    `prefix` stands before the path of a problem.
    """

    delivery: str
    params: Any
    job: JobRequest | None = None
    problems: tuple[Problem, ...] = ()
    prefix: str = "delivery."


class SubscriptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as the client describes it."""

    application: str
    wish: Wish
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


class TriggersRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Triggers as the client describes them: one for each type, each name and each wish. "*" means every one."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    wishes: tuple[Wish, ...]


class ActionTemplate(NamedTuple):
    """What can follow an event, kept under a name. `document` is JSON text (ActionTemplateDocument). Times in µs."""

    id: str
    organization_id: int
    name: str
    application_id: str | None
    action: str
    destination: str
    document: str
    created_by: str | None
    created_at: int
    modified_at: int


class ActionTemplateDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`attributes` are the payload of the job's task. The others are kept and shown, and change nothing."""

    attributes: Any = None
    action_validation: Any = None
    input_validation: Any = None
    input_attributes: Any = None


class ActionTemplateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a template that a client gives; UNSET means that it does not say."""

    name: str | msgspec.UnsetType | None = msgspec.UNSET
    application_id: str | msgspec.UnsetType | None = msgspec.UNSET
    action: str | msgspec.UnsetType | None = msgspec.UNSET
    destination: str | msgspec.UnsetType | None = msgspec.UNSET
    attributes: Any = msgspec.UNSET
    action_validation: Any = msgspec.UNSET
    input_validation: Any = msgspec.UNSET
    input_attributes: Any = msgspec.UNSET
