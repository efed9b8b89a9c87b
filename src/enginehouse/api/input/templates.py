"""Translates `CreateJobTemplate` and `CreateTaskTemplate` inputs into the templates that operations take."""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import structs

from enginehouse.api.input.jobs import Input, folder_request, route_request, task_request
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import parse_pipeline
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import templates
from enginehouse.operations.house import House

_ECHO = ("clusterId", "skipDecider", "applicationId")


class RequestContext(Protocol):
    """A request of either interface: its house and its caller."""

    @property
    def house(self) -> House: ...

    @property
    def principal(self) -> Principal: ...


def inline(
    context: RequestContext, inputs: Sequence[Input] | None, path: str
) -> tuple[list[JobTemplate], list[Problem]]:
    """Returns the templates in another request at `path` (`jobTemplates`), and all their problems."""
    new_templates, problems = list[JobTemplate](), list[Problem]()
    for number, each in enumerate(inputs or ()):
        prefix = f"{path}[{number}]."
        template, unread = template_of(context, each, prefix)
        new_templates.append(template)
        problems += unread or templates.problems(context.house, context.principal, template, prefix)
    return new_templates, problems


def template_of(context: RequestContext, fields: Input, prefix: str = "") -> tuple[JobTemplate, list[Problem]]:
    """Returns the template that the fields describe. Its jobs are not checked yet."""
    problems = list[Problem]()
    config = fields.get("jobConfig")
    if config is not None and not isinstance(config, dict):
        problems.append(Problem(f"{prefix}jobConfig", "must be an object."))
        config = None
    pipeline_id = None
    if (text := fields.get("jobPipelineId")) is not None and (pipeline_id := parse_pipeline(text)) is None:
        problems.append(Problem(f"{prefix}jobPipelineId", f'there is no pipeline "{text}".', text))
    template = templates.new(
        context.principal,
        tasks=[task_request(task) for task in fields.get("taskTemplates") or ()],
        routes=[route_request(route) for route in fields.get("routes") or ()],
        job_config=config,
        echo={name: fields[name] for name in _ECHO if fields.get(name) is not None},
        pipeline_id=pipeline_id,
        stage=fields.get("jobPipelineStage"),
    )
    return template, problems


def changed_task(before: TaskRequest, fields: Input) -> TaskRequest:
    """Returns the task with the changes in `fields`. A payload in one form replaces one in the other form."""
    changes: dict[str, Any] = {}
    if fields.get("payload") is not None or fields.get("payloadString") is not None:
        changes |= {"payload": fields.get("payload"), "payload_text": fields.get("payloadString")}
    if fields.get("parentTaskId") is not None:
        changes["echo"] = {**before.echo, "parentTaskId": fields["parentTaskId"]}
    if fields.get("ioFolders") is not None:
        changes["folders"] = tuple(folder_request(folder) for folder in fields["ioFolders"])
    if fields.get("executionPreferences") is not None:
        request = task_request({"executionPreferences": fields["executionPreferences"]})
        names = ("priority", "max_retries", "max_engines", "parallel", "parents_first", "due_at")
        changes |= {name: getattr(request, name) for name in names}
    return structs.replace(before, **changes)
