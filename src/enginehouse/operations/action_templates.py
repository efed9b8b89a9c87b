"""The operations on templates of what follows an event: create, update, get and list."""

from typing import Any, Final
from uuid import uuid4

from msgspec import UNSET, json

from enginehouse.domain.errors import CapacityExceeded, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.webhooks.subscription import (
    Action,
    ActionTemplate,
    ActionTemplateDocument,
    ActionTemplateRequest,
)
from enginehouse.operations import bounds, event_actions, owned, webhooks
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.storage import action_templates as storage
from enginehouse.storage import event_subscriptions
from enginehouse.storage.database.database import Tx

TEMPLATE: Final = "EventActionTemplate"
KIND: Final = OwnedKind(TEMPLATE, "template", by_ids=storage.by_ids, lock=storage.lock)
_PARTS: Final = {
    "attributes": "actionAttributes",
    "action_validation": "actionValidation",
    "input_validation": "inputValidation",
    "input_attributes": "inputAttributes",
}


async def get(house: House, principal: Principal, ref: UuidRef) -> ActionTemplate:
    """Returns the template. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal) -> list[ActionTemplate]:
    """Returns the organization's templates, the oldest first."""
    return await owned.page(house, principal, 0, 1, storage.all_)


@trail.mutation("createEventActionTemplate", TEMPLATE)
async def create(house: House, principal: Principal, request: ActionTemplateRequest) -> ActionTemplate:
    """The template can be named by subscriptions and triggers. Raises InvalidInput, CapacityExceeded."""
    require(principal, KIND.role)
    blank = ActionTemplate("", principal.organization_id, "", None, "", "", "{}", principal.user_id, 0, 0)
    new, problems = _merged(blank, request)
    problems += await _problems(house, principal, new)
    bounds.refuse(problems)

    async def make(tx: Tx) -> ActionTemplate:
        await event_subscriptions.all_locked(tx, principal.organization_id)
        if len(await storage.all_(tx, principal.organization_id)) >= house.limits.events:
            raise CapacityExceeded(f"Organization limit of {house.limits.events} event action templates reached.")
        template = new._replace(id=str(uuid4()), created_at=tx.now, modified_at=tx.now)
        await storage.put(tx, template)
        return template

    return await owned.create(house, KIND, principal, "createEventActionTemplate", make)


@trail.mutation("updateEventActionTemplate", TEMPLATE, names="ref")
async def update(house: House, principal: Principal, ref: UuidRef, request: ActionTemplateRequest) -> ActionTemplate:
    """Changes the given fields. Subscriptions and triggers that name the template follow it from now on.

    The action itself stays. Raises NotFound, InvalidInput with all problems.
    """
    require(principal, KIND.role)
    before = await get(house, principal, ref)
    checked, problems = _merged(before, request)
    if checked.action != before.action:
        text = f"stays {before.action}; create another template for {excerpt(checked.action)}."
        problems.append(Problem("actionType", text, excerpt(checked.action)))
    else:
        problems += await _problems(house, principal, checked)
    bounds.refuse(problems)

    async def change(tx: Tx, old: ActionTemplate) -> ActionTemplate:
        merged, _ = _merged(old, request)
        new = merged._replace(modified_at=tx.now)
        await storage.put(tx, new)
        await event_subscriptions.follow_template(tx, new.organization_id, new.id, *event_actions.of_template(new))
        return new

    return await owned.change(house, KIND, principal, "updateEventActionTemplate", ref, change)


def _merged(old: ActionTemplate, request: ActionTemplateRequest) -> tuple[ActionTemplate, list[Problem]]:
    """Returns the template with the given fields, and those that cannot be stored."""
    kept = json.decode(old.document, type=ActionTemplateDocument)
    parts: dict[str, Any] = {}
    problems = list[Problem]()
    for name, path in _PARTS.items():
        given = getattr(request, name)
        problems += [] if given is UNSET else bounds.json(path, given)
        parts[name] = getattr(kept, name) if given is UNSET else given
    document = "{}" if problems else json.encode(ActionTemplateDocument(**parts)).decode()
    merged = old._replace(
        name=old.name if request.name is UNSET else request.name or "",
        application_id=old.application_id if request.application_id is UNSET else request.application_id,
        action=old.action if request.action is UNSET else request.action or "",
        destination=old.destination if request.destination is UNSET else request.destination or "",
        document=document,
    )
    return merged, problems


async def _problems(house: House, principal: Principal, template: ActionTemplate) -> list[Problem]:
    problems = bounds.text("name", template.name, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("ownerApplicationId", template.application_id, longest=bounds.LONGEST_NAME)
    match template.action:
        case Action.WEBHOOK:
            if fault := webhooks.url_fault(house, template.destination):
                problems.append(Problem("actionDestination", fault, excerpt(template.destination)))
        case Action.JOB:
            problems += bounds.text("actionDestination", template.destination, required=True)
            if not problems:
                path = "actionAttributes"
                problems += (
                    await event_actions.job_document(house, principal, event_actions.template_job(template), path)
                )[1]
        case other:
            said = " and ".join((Action.JOB, Action.WEBHOOK))
            text = f"this server runs the actions {said}, not {excerpt(other)}."
            problems.append(Problem("actionType", text, excerpt(other), f"{Action.JOB}, {Action.WEBHOOK}"))
    return problems
