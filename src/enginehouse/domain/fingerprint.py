"""A request in one form for every interface and spelling, so that two requests can be compared by their digests.

A field that is not set is left out; so a field that is added later does not change the digest of other requests.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TargetRequest, TaskRequest
from enginehouse.domain.jsontext import JsonTextError, read_json

_encode: Final = msgspec.json.Encoder(order="sorted").encode
_Asked = TaskRequest | FolderRequest | RouteRequest | TargetRequest
# A look-up of a struct's fields takes longer than everything else here, so it is done once.
_DEFAULTS: Final[dict[type, tuple[tuple[str, Any], ...]]] = {
    kind: tuple((field.name, field.default) for field in msgspec.structs.fields(kind))
    for kind in (TaskRequest, FolderRequest, RouteRequest, TargetRequest)
}
# REST uses this to show a payload again in the spelling in which it was written.
_SPELLED: Final = frozenset({"onlyPayloadJSON"})


def digest(value: Any) -> str:
    """Returns 64 hexadecimal digits for the JSON value; the order of its keys does not matter.

    Raises ValueError for a value that JSON cannot hold.
    """
    try:
        return sha256(_encode(value)).hexdigest()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def jobs(requests: Sequence[JobRequest]) -> list[dict[str, Any]]:
    """Returns the requested jobs as a JSON value."""
    return [_job(request) for request in requests]


def _job(request: JobRequest) -> dict[str, Any]:
    said = {
        "tasks": [_task(task) for task in request.tasks],
        "routes": [_said(route) for route in request.routes],
        "target_id": request.target_id,
        "target": None if request.target is None else _said(request.target),
        "status": request.status,
        "name": request.name,
        "due_at": request.due_at,
        "echo": _echo(request.echo) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _task(task: TaskRequest) -> dict[str, Any]:
    said = _said(_read(task))
    if task.folders:
        said["folders"] = [_said(folder) for folder in task.folders]
    if task.standby is not None:
        said["standby"] = _task(task.standby)
    return said


def _read(task: TaskRequest) -> TaskRequest:
    """Returns the task with its payload text parsed; unchanged if it has no text or the text is not JSON."""
    if task.payload_text is None:
        return task
    try:
        return msgspec.structs.replace(task, payload=read_json(task.payload_text), payload_text=None)
    except JsonTextError:
        return task


def _said(given: _Asked) -> dict[str, Any]:
    """Returns the fields that differ from their defaults."""
    said = {}
    for name, default in _DEFAULTS[type(given)]:
        value = getattr(given, name)
        if name == "echo":
            value = _echo(value) or default
        if value != default:
            said[name] = value
    return said


def _echo(given: dict[str, Any]) -> dict[str, Any]:
    # One interface sets 0, false or an empty value where the other leaves a field out.
    return {name: value for name, value in given.items() if value and name not in _SPELLED}
