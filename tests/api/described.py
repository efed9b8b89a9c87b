"""Holds every response of the published REST interface against its description.

Clients that are generated from it refuse a field that it does not name, so an object may have no other field.
"""

import json
import re
import uuid
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
from jsonschema import Draft202012Validator, FormatChecker

_BASE: Final = "/edge/v1"
_SCHEMAS: Final = "#/components/schemas/"
FORMATS: Final = FormatChecker(formats=())
# 204 may have no body by HTTP, so these answer 200 with the body that is declared for it.
_WITHOUT_CONTENT: Final = "204"
# Declared of both numbers of a pair of Unix seconds and per cent, though seconds are more than 100.
_WRONG_LIMITS: Final = {"format": "float", "maximum": 100, "minimum": 0, "type": "number"}
# Declared is the answer of another operation, a copying fault (rest-contract §1.9).
_MEANT: Final = {"/admin/backlog/clear": {"$ref": f"{_SCHEMAS}AdminOperationResponse"}}


@cache
def description() -> dict[str, Any]:
    """Returns what `tests.api.description` has written."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("edge_description.json").read_text())
    return found


async def check(response: httpx.Response) -> None:
    """The response is described, or it is not of an operation of the description. Raises AssertionError."""
    path = response.request.url.path
    if not path.startswith(_BASE):
        return
    operation = _operation(response.request.method, path.removeprefix(_BASE))
    if operation is None or not response.is_success or "/download/" in path:
        return
    declared: dict[str, Any] = operation["responses"]
    if declared.get(str(response.status_code)) == {}:
        await response.aread()
        assert not response.content, f"{path}: {response.status_code} is declared without a body."
        return
    content = declared.get(str(response.status_code)) or declared.get(_WITHOUT_CONTENT)
    assert content, f"{path}: {response.status_code} is not declared."
    kind = response.headers["content-type"].partition(";")[0]
    if kind != "application/json":
        return
    await response.aread()
    schema = _MEANT.get(path.removeprefix(_BASE)) or content["application/json"]["schema"]
    faults = [
        f"{path}: {fault.json_path}: {fault.message[:300]}"
        for fault in _validator(json.dumps(schema)).iter_errors(response.json())
    ]
    assert not faults, "\n".join(faults)


def _operation(method: str, path: str) -> dict[str, Any] | None:
    for pattern, methods in _paths():
        if pattern.fullmatch(path):
            operation: dict[str, Any] | None = methods.get(method.lower())
            return operation
    return None


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Returns the paths of the description, first those without a variable part."""
    paths = sorted(description()["paths"].items(), key=lambda item: "{" in item[0])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), methods) for path, methods in paths]


@cache
def _validator(schema: str) -> Draft202012Validator:
    everything = {"components": {"schemas": exact(description()["schemas"])}}
    return Draft202012Validator({**exact(json.loads(schema)), **everything}, format_checker=FORMATS)


def exact(schema: Any) -> Any:
    """Returns the schema without additional fields, and without required fields that it does not define."""
    match schema:
        case dict() if schema == _WRONG_LIMITS:
            return {"type": "number"}
        case dict():
            only = {name: exact(value) for name, value in schema.items()}
            if isinstance(fields := schema.get("properties"), dict) and schema.get("type") == "object":
                only.setdefault("additionalProperties", False)
                only["required"] = [name for name in schema.get("required", ()) if name in fields]
            return only
        case list():
            return [exact(value) for value in schema]
        case _:
            return schema


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


@FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))


@FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(1 << 31) <= value < 1 << 31


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(1 << 63) <= value < 1 << 63
