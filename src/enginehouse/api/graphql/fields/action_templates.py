"""The queries and mutations of templates of what follows an event, and the fields of an EventActionTemplate."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType
from msgspec import UNSET, json

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.webhooks.subscription import ActionTemplate, ActionTemplateDocument, ActionTemplateRequest
from enginehouse.operations import action_templates

query, mutation, template_type = QueryType(), MutationType(), ObjectType("EventActionTemplate")

_PARTS: Final = {
    "inputValidation": "input_validation",
    "inputAttributes": "input_attributes",
    "actionValidation": "action_validation",
    "actionAttributes": "attributes",
}
_FIELDS: Final = _PARTS | {
    "name": "name",
    "ownerApplicationId": "application_id",
    "actionType": "action",
    "actionDestination": "destination",
}


@query.field("eventActionTemplate")
async def get(_: object, info: Info, id: str) -> ActionTemplate:
    """Returns the template with this id."""
    return await action_templates.get(info.context.house, info.context.principal, refs.action_template(id))


@query.field("eventActionTemplates")
async def list_(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the organization's templates, the oldest first. Each is for an event."""
    found = await action_templates.list_(info.context.house, info.context.principal)
    if args.get("ownerApplicationId") is not None:
        found = [one for one in found if one.application_id == args["ownerApplicationId"]]
    if args.get("actionType") is not None:
        found = [one for one in found if one.action == args["actionType"]]
    return paging.page(found, args.get("offset"), args.get("limit"), paging.SOURCES)


@mutation.field("createEventActionTemplate")
async def create(_: object, info: Info, input: dict[str, Any]) -> ActionTemplate:
    """The organization has the template."""
    return await action_templates.create(info.context.house, info.context.principal, _request(input))


@mutation.field("updateEventActionTemplate")
async def update(_: object, info: Info, input: dict[str, Any]) -> ActionTemplate:
    """The given fields are changed."""
    ref = refs.action_template(input["id"])
    return await action_templates.update(info.context.house, info.context.principal, ref, _request(input))


def _request(fields: dict[str, Any]) -> ActionTemplateRequest:
    return ActionTemplateRequest(**{ours: fields.get(theirs, UNSET) for theirs, ours in _FIELDS.items()})


def _part(name: str) -> Any:
    return lambda one, _: getattr(json.decode(one.document, type=ActionTemplateDocument), name)


template_type.set_field("organizationId", lambda one, _: str(one.organization_id))
template_type.set_field("ownerApplicationId", lambda one, _: one.application_id)
template_type.set_field("inputType", lambda _, __: "event")
template_type.set_field("actionType", lambda one, _: one.action)
template_type.set_field("actionDestination", lambda one, _: one.destination)
for _field, _name in _PARTS.items():
    template_type.set_field(_field, _part(_name))

BINDABLES: Final = [query, mutation, template_type]
