"""`CreateJobTemplate` and `CreateTaskTemplate` inputs, of either interface, as the templates that operations take."""

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
    """A request at either entrance: the house it came to, and who is asking."""

    @property
    def house(self) -> House: ...

    @property
    def principal(self) -> Principal: ...


def inline(asked: RequestContext, given: Sequence[Input] | None, path: str) -> tuple[list[JobTemplate], list[Problem]]:
    """The templates written into another request at `path` (`jobTemplates`), and all that is wrong with them."""
    made, problems = list[JobTemplate](), list[Problem]()
    for number, each in enumerate(given or ()):
        prefix = f"{path}[{number}]."
        template, found = template_of(asked, each, prefix)
        made.append(template)
        problems += found or templates.problems(asked.house, asked.principal, template, prefix)
    return made, problems


def template_of(asked: RequestContext, given: Input, prefix: str = "") -> tuple[JobTemplate, list[Problem]]:
    """The template that is asked for; its jobs are not looked at yet."""
    problems = list[Problem]()
    config = given.get("jobConfig")
    if config is not None and not isinstance(config, dict):
        problems.append(Problem(f"{prefix}jobConfig", "must be an object."))
        config = None
    pipeline_id = None
    if (wanted := given.get("jobPipelineId")) is not None and (pipeline_id := parse_pipeline(wanted)) is None:
        problems.append(Problem(f"{prefix}jobPipelineId", f'there is no pipeline "{wanted}".', wanted))
    template = templates.new(
        asked.principal,
        tasks=[task_request(task) for task in given.get("taskTemplates") or ()],
        routes=[route_request(route) for route in given.get("routes") or ()],
        job_config=config,
        echo={name: given[name] for name in _ECHO if given.get(name) is not None},
        pipeline_id=pipeline_id,
        stage=given.get("jobPipelineStage"),
    )
    return template, problems


def changed_task(before: TaskRequest, given: Input) -> TaskRequest:
    """The task where `given` says something about it; a payload in either form takes the place of one in the other."""
    changes: dict[str, Any] = {}
    if given.get("payload") is not None or given.get("payloadString") is not None:
        changes |= {"payload": given.get("payload"), "payload_text": given.get("payloadString")}
    if given.get("parentTaskId") is not None:
        changes["echo"] = {**before.echo, "parentTaskId": given["parentTaskId"]}
    if given.get("ioFolders") is not None:
        changes["folders"] = tuple(folder_request(folder) for folder in given["ioFolders"])
    if given.get("executionPreferences") is not None:
        asked = task_request({"executionPreferences": given["executionPreferences"]})
        names = ("priority", "max_retries", "max_engines", "parallel", "parents_first", "due_at")
        changes |= {name: getattr(asked, name) for name in names}
    return structs.replace(before, **changes)
