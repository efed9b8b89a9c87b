"""What follows an event, as a subscription or a trigger states it: checked, and ready to be stored."""

from typing import Any, Final, NamedTuple

from msgspec import json, structs

from enginehouse.domain import ids
from enginehouse.domain.errors import Fault, InvalidInput, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.webhooks import job_action
from enginehouse.domain.webhooks.delivery import JOB_URL
from enginehouse.domain.webhooks.subscription import Action, ActionTemplate, ActionTemplateDocument, Wish
from enginehouse.operations import bounds, targets, webhooks
from enginehouse.operations.house import House
from enginehouse.operations.plans import plan_all
from enginehouse.storage import action_templates
from enginehouse.storage.database.database import Tx

WEBHOOK: Final = "Webhook"
CREATE_JOB: Final = "CreateJob"
WAYS: Final = {WEBHOOK: Action.WEBHOOK, CREATE_JOB: Action.JOB}
NAMES: Final = {action: name for name, action in WAYS.items()}
TEMPLATE_ID: Final = "eventActionTemplateId"
_JSON: Final = "json"


class EventAction(NamedTuple):
    """What follows an event: a message to `url`, or the job in `document`. A template says it if one is named."""

    action: Action
    url: str = ""
    document: str | None = None
    template_id: str | None = None


async def checked(house: House, principal: Principal, wish: Wish) -> tuple[EventAction, list[Problem]]:
    """Returns the action of a wish, and what is wrong with it. Raises NotFound for a target that the job names."""
    action = WAYS.get(wish.delivery)
    if action is None:
        said = " and ".join(WAYS)
        text = f"this server delivers by {said}, not by {excerpt(wish.delivery)}."
        return EventAction(Action.WEBHOOK), [
            Problem(f"{wish.prefix}name", text, excerpt(wish.delivery), ", ".join(WAYS))
        ]
    path, params = f"{wish.prefix}params", wish.params
    if not isinstance(params, dict):
        needed = "the url" if action is Action.WEBHOOK else "the input of createJob"
        return EventAction(action), [Problem(path, f"must be an object with {needed}.", excerpt(params))]
    if TEMPLATE_ID in params:
        return _by_template(action, path, params)
    if action is Action.WEBHOOK:
        url, problems = _address(house, path, params)
        return EventAction(action, url), problems
    if wish.problems or wish.job is None:
        return EventAction(action), list(wish.problems)
    document, problems = await job_document(house, principal, wish.job, path)
    return EventAction(action, JOB_URL, document), problems


async def with_template(
    tx: Tx, principal: Principal, wish: Wish, action: EventAction
) -> tuple[EventAction, list[Problem]]:
    """Returns the action as its template says it now, the template locked. Without a template it stays as it is."""
    if action.template_id is None:
        return action, []
    path = f"{wish.prefix}params.{TEMPLATE_ID}"
    template = await action_templates.lock(tx, principal.organization_id, action.template_id)
    if template is None:
        return action, [Problem(path, "there is no such template.", action.template_id, fault=Fault.UNKNOWN)]
    if template.action != action.action:
        text = f"the action of this template is {template.action}: use {NAMES[Action(template.action)]}."
        return action, [Problem(path, text, action.template_id)]
    return EventAction(action.action, *of_template(template), template.id), []


def of_template(template: ActionTemplate) -> tuple[str, str | None]:
    """Returns the address and the job of a template; one of them counts."""
    if template.action == Action.WEBHOOK:
        return template.destination, None
    return JOB_URL, job_action.document(template_job(template))


def template_job(template: ActionTemplate) -> JobRequest:
    """Returns the job of a template: one task of the engine that it names."""
    attributes = json.decode(template.document, type=ActionTemplateDocument).attributes
    return JobRequest(tasks=(TaskRequest(engine_id=template.destination, payload=attributes),))


async def job_document(house: House, principal: Principal, job: JobRequest, path: str) -> tuple[str, list[Problem]]:
    """Returns the job as it is stored, and what is wrong with it at `path`. Raises NotFound for its target.

    A target or a task that comes from the event cannot be checked before the event.
    """
    if job.scheduled_job_id is not None:
        return "", [Problem(f"{path}.scheduledJobId", "is not for jobs that events create.", job.scheduled_job_id)]
    request = structs.replace(job, prefix=f"{path}.")
    if problems := bounds.json(path, request.echo):
        return "", problems
    of_event = request.target_id is not None and "{{" in request.target_id
    known = structs.replace(request, target_id=None) if of_event else request
    try:
        plan_all(house, principal, [known], ())
    except InvalidInput as refused:
        return "", list(refused.problems)
    await targets.for_jobs(house, principal, [known])
    document = job_action.document(request)
    if fault := job_action.fault(document):
        return "", [Problem(path, f"the placeholders give no job: {fault}")]
    return document, []


def _by_template(action: Action, path: str, params: dict[str, Any]) -> tuple[EventAction, list[Problem]]:
    given = params[TEMPLATE_ID]
    template_id = ids.parse_uuid(given) if isinstance(given, str) else None
    problems = [
        Problem(f"{path}.{name}", f"is not given together with {TEMPLATE_ID}.")
        for name in params
        if name != TEMPLATE_ID
    ]
    if template_id is None:
        problems.append(Problem(f"{path}.{TEMPLATE_ID}", "there is no such template.", excerpt(given)))
    return EventAction(action, template_id=template_id), problems


def _address(house: House, path: str, params: dict[str, Any]) -> tuple[str, list[Problem]]:
    """Returns the address in the parameters, and what is wrong with them."""
    problems = bounds.json(path, params)
    key = "uri" if "uri" in params and "url" not in params else "url"
    url = params.get(key)
    if "uri" in params and "url" in params and params["uri"] != url:
        problems.append(Problem(path, "give url or uri, not two different addresses."))
    if fault := webhooks.url_fault(house, url):
        problems.append(Problem(f"{path}.{key}", fault, None if url is None else excerpt(url)))
    if params.get("encoding") not in (None, _JSON):
        text = f"messages are {_JSON}, got {excerpt(params['encoding'])}."
        problems.append(Problem(f"{path}.encoding", text, excerpt(params["encoding"]), _JSON))
    if params.get("template"):
        problems.append(Problem(f"{path}.template", "templates of messages are not supported."))
    return url if isinstance(url, str) else "", problems
