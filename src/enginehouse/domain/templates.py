"""A job template: the tasks and routes from which each launch creates a job."""

from collections.abc import Iterable
from typing import Any

import msgspec

from enginehouse.domain.ids import parse_number
from enginehouse.domain.job import RouteRequest, TaskRequest


class TemplateDocument(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The part of a template that no SQL statement reads; `echo` is kept and shown again (skipDecider, clusterId …)."""

    routes: tuple[RouteRequest, ...] = ()
    job_config: dict[str, Any] = {}
    echo: dict[str, Any] = {}


class TaskTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a template, as a client described it."""

    template_id: int
    ordinal: int
    request: TaskRequest
    created_at: int = 0
    modified_at: int = 0


class JobTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A job template with its tasks. `version` rises with every change to it or to its tasks. Times in µs UTC."""

    id: int
    organization_id: int
    pipeline_id: int | None = None
    stage: int | None = None
    document: TemplateDocument
    tasks: tuple[TaskTemplate, ...] = ()
    version: int = 1
    created_by: str | None = None
    created_at: int = 0
    modified_at: int = 0


class TemplateFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which templates to list; None excludes nothing. A template must use at least one of `engine_ids`."""

    pipeline_id: int | None = None
    schedule_id: int | None = None
    engine_ids: frozenset[str] | None = None
    offset: int = 0
    limit: int = 30


def named_sources(templates: Iterable[JobTemplate]) -> list[int]:
    """Returns the sources that the templates name, in order. The first one is a schedule's primary source.

    A job config names a source for its target or for itself; a task names one in its payload.
    """
    names = list[Any]()
    for template in templates:
        config = template.document.job_config
        names += [_source_data(config.get("createTDOInput")), _source_data(config)]
        names += [_payload(task.request).get("sourceId") for task in template.tasks]
    return list(dict.fromkeys(number for name in names if (number := _number(name)) is not None))


def _source_data(holder: Any) -> Any:
    data = holder.get("sourceData") if isinstance(holder, dict) else None
    return data.get("sourceId") if isinstance(data, dict) else None


def _payload(request: TaskRequest) -> dict[str, Any]:
    payload = request.payload
    if request.payload_text is not None:
        try:
            payload = msgspec.json.decode(request.payload_text)
        except msgspec.DecodeError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _number(name: Any) -> int | None:
    return parse_number(str(name)) if isinstance(name, int | str) and not isinstance(name, bool) else None
