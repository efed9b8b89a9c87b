"""The job that a launch creates from a template."""

from typing import Any, Final

import msgspec

from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import JobRequest, TargetRequest, TaskRequest
from enginehouse.domain.templates import JobTemplate, TaskTemplate

_TARGET_ECHO: Final = ("sourceData", "parentFolderId", "contentTemplates", "addToIndex", "thumbnailUrl", "previewUrl",
                       "sourceImageUrl")  # fmt: skip


def job_request(
    template: JobTemplate, *, payload: dict[str, Any] | None = None, target: TargetRequest | None = None
) -> JobRequest:
    """Returns the job to create from a template; `payload` is merged into the payload of every task, key by key.

    Without a `target` the job gets a new one, unless jobConfig has `createTDOOnLaunch: false` (graphql-contract §2.4).
    """
    config = template.document.job_config
    if target is None and config.get("createTDOOnLaunch", True):
        target = _described(config)
    return JobRequest(
        tasks=tuple(_made_from(task, payload) for task in template.tasks),
        routes=template.document.routes,
        target=target,
        echo={**template.document.echo, **({"jobConfig": config} if config else {})},
    )


def _described(config: dict[str, Any]) -> TargetRequest:
    """Returns the new target from `createTDOInput`. Its source comes from there, else from jobConfig itself."""
    given = config.get("createTDOInput") or {}
    echo = {name: given[name] for name in _TARGET_ECHO if given.get(name) is not None}
    if "sourceData" not in echo and config.get("sourceData") is not None:
        echo["sourceData"] = config["sourceData"]
    return TargetRequest(
        name=given.get("name"),
        description=given.get("description"),
        status=given.get("status") or TargetRequest().status,
        details=given.get("details"),
        is_public=given.get("isPublic") or False,
        echo=echo,
    )


def _made_from(task: TaskTemplate, payload: dict[str, Any] | None) -> TaskRequest:
    """Returns the task for a job. It remembers the template's task, whose place may be another one later."""
    request = _merged(task.request, payload)
    return msgspec.structs.replace(
        request, echo={**request.echo, "templateId": task_graphql(task.template_id, task.ordinal)}
    )


def _merged(task: TaskRequest, payload: dict[str, Any] | None) -> TaskRequest:
    if not payload:
        return task
    own = task.payload if task.payload_text is None else msgspec.json.decode(task.payload_text)
    merged = {**own, **payload} if isinstance(own, dict) else payload
    return msgspec.structs.replace(task, payload=merged, payload_text=None)
