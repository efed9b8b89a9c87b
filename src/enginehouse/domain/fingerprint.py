"""What a request asks for, in one form whichever interface and spelling it came in: so two can be told apart or not.

A field that was not given says nothing, so a field added later changes no digest of a request that does not use it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TargetRequest, TaskRequest
from enginehouse.domain.jsontext import JsonTextError, read_json

_encode: Final = msgspec.json.Encoder(order="sorted").encode
_Asked = TaskRequest | FolderRequest | RouteRequest | TargetRequest
# Looking the fields of a struct up takes longer than all else here.
_DEFAULTS: Final[dict[type, tuple[tuple[str, Any], ...]]] = {
    kind: tuple((field.name, field.default) for field in msgspec.structs.fields(kind))
    for kind in (TaskRequest, FolderRequest, RouteRequest, TargetRequest)
}
# How REST tells two spellings of one payload apart, to show it again as it was written.
_SPELLED: Final = frozenset({"onlyPayloadJSON"})


def digest(value: Any) -> str:
    """64 hexadecimal digits that stand for the JSON value, whatever the order of its keys.

    Raises ValueError for what JSON cannot hold.
    """
    try:
        return sha256(_encode(value)).hexdigest()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def jobs(requests: Sequence[JobRequest]) -> list[dict[str, Any]]:
    """The jobs asked for, as a JSON value."""
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
    """The task with the JSON in place of the text it was written as, where it is JSON."""
    if task.payload_text is None:
        return task
    try:
        return msgspec.structs.replace(task, payload=read_json(task.payload_text), payload_text=None)
    except JsonTextError:
        return task


def _said(given: _Asked) -> dict[str, Any]:
    """The fields that are not as they would be if nothing was said."""
    said = {}
    for name, default in _DEFAULTS[type(given)]:
        value = getattr(given, name)
        if name == "echo":
            value = _echo(value) or default
        if value != default:
            said[name] = value
    return said


def _echo(given: dict[str, Any]) -> dict[str, Any]:
    # One interface fills in 0, false or nothing where the other leaves a field out.
    return {name: value for name, value in given.items() if value and name not in _SPELLED}
