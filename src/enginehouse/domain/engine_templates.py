"""The templates of an engine from which REST creates jobs: a job whose texts are Handlebars (rest-contract §3.1).

A text in a field whose name ends in JSON is JSON: a value in a string of it is escaped. Other texts are plain.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain import handlebars
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import Problem
from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.domain.standalone_templates import Step, steps

STANDARD: Final = "standard"
ALL: Final = "all"  # names every template in a path, so that none has this name
ENGINE_ID: Final = "ENGINE_ID"
UPLOAD_URL: Final = "UPLOAD_URL"
_SOURCE: Final = ' {{#if UPLOAD_URL}}"url": "{{{UPLOAD_URL}}}"{{/if}} '
_PRIORITY: Final = -20
_encode: Final = msgspec.json.Encoder().encode


class EngineTemplate(NamedTuple):
    """A template of an organization for an engine. `document` has the fields of a job to create over REST.

    `created_at` is 0 for the standard one of the server.
    """

    organization_id: int
    engine_id: str
    name: str
    document: dict[str, Any]
    created_at: int = 0
    modified_at: int = 0


def standard(spec: EngineSpec) -> dict[str, Any]:
    """Returns the template of every engine: the uploaded file, or UPLOAD_URL, through the engine to the outputs.

    Engines of the server are named by their slugs.
    """
    tasks, routes = steps(spec, _SOURCE)
    place = {folder[0]: str(number) for number, task in enumerate(tasks) for folder in task.folders}
    return {
        "tasks": [_task(task, str(number)) for number, task in enumerate(tasks)],
        "taskRoutes": [
            {
                "taskParentId": place[parent],
                "taskParentOutputId": parent,
                "taskChildId": place[child],
                "taskChildInputId": child,
            }
            for parent, child in routes
        ],
    }


def _task(task: Step, reference: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "correlationTaskId": reference,
        "engineId": task.engine,
        "payloadJSON": task.payload,
        "priority": _PRIORITY,
        "ioFolders": [{"correlationID": name, "mode": mode, "type": kind} for name, mode, kind in task.folders],
    }
    return shown | ({"parentMustBeCompleteBeforeStarting": True} if task.waits else {})


def problems(document: Mapping[str, Any], prefix: str) -> list[Problem]:
    """Returns a problem for each text that is not a template of this kind."""
    found = []
    for path, _, text in _texts(document, prefix):
        try:
            handlebars.parse(text)
        except handlebars.BadTemplate as fault:
            found.append(Problem(path, str(fault)))
    return found


def names(document: Mapping[str, Any]) -> set[str]:
    """Returns the names of the values that the texts look at."""
    return {name for _, _, text in _texts(document, "") for name in handlebars.names(handlebars.parse(text))}


def rendered(document: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the job with the values in its texts. Raises BadTemplate if a text is too long."""

    def fill(name: str, text: str) -> str:
        return handlebars.render(handlebars.parse(text), values, as_json=_is_json(name))

    filled: dict[str, Any] = _filled(dict(document), "", fill)
    return filled


def pass_on(document: dict[str, Any], engine_id: str, values: Mapping[str, Any]) -> None:
    """The values are in the payload of the engine's tasks: those that no text of the template looks at."""
    for task in document.get("tasks") or () if values else ():
        if task.get("engineId") == engine_id:
            name = "taskPayloadJSON" if task.get("taskPayloadJSON") else "payloadJSON"
            try:
                payload = read_json(task.get(name) or "{}")
            except JsonTextError:
                continue  # the check of the job says where
            if isinstance(payload, dict):
                task[name] = _encode({**payload, **values}).decode()


def without_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the job without its fields that are JSON, whose text is only complete with all values."""

    def left(value: Any) -> Any:
        match value:
            case list():
                return [left(one) for one in value]
            case dict():
                return {key: left(one) for key, one in value.items() if not _is_json(key)}
            case _:
                return value

    kept: dict[str, Any] = left(dict(document))
    return kept


def _is_json(name: str) -> bool:
    return name.endswith("JSON")


def _filled(value: Any, name: str, fill: Callable[[str, str], str]) -> Any:
    match value:
        case str():
            return fill(name, value)
        case list():
            return [_filled(one, name, fill) for one in value]
        case dict():
            return {key: _filled(one, key, fill) for key, one in value.items()}
        case _:
            return value


def _texts(value: Any, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    match value:
        case str():
            yield path, name, value
        case list():
            for number, one in enumerate(value):
                yield from _texts(one, f"{path}[{number}]", name)
        case dict():
            for key, one in value.items():
                yield from _texts(one, f"{path}.{key}" if path else key, key)
