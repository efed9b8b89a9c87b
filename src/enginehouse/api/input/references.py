"""The references in an input object of the GraphQL contract, which the bodies of `/api/v1` share.

Every field of type ID is in one of three groups: it is a reference here, the operation looks its object up, or its text
means nothing to this server. A test tries every field of the schema, so a new one must be put into its group.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from enginehouse.api.input import sdl
from enginehouse.operations.references import Reference, ReferenceKind

_KINDS: Final[Mapping[str, ReferenceKind]] = {
    "assetId": ReferenceKind.ASSET,
    "engineId": ReferenceKind.ENGINE,
    "jobTemplateId": ReferenceKind.TEMPLATE,
    "parentTaskId": ReferenceKind.TASK,
    "scheduleId": ReferenceKind.SCHEDULE,
    "scheduledJobId": ReferenceKind.SCHEDULE,
    "sourceId": ReferenceKind.SOURCE,
    "taskId": ReferenceKind.TASK,
}
# The operation looks up what these name, in the transaction of the change.
_LOOKED_UP: Final = frozenset({
    "AddTask.engineId",
    "AddTask.parentTaskId",
    "CreateBuild.engineId",
    "CreateTask.engineId",
    "CreateTaskTemplate.engineId",
    "CreateScheduledJobContentTemplate.scheduledJobId",
    "DeleteBuild.engineId",
    "LaunchJobTemplates.scheduledJobId",
    "LaunchScheduledJobs.scheduledJobId",
    "UpdateBuild.engineId",
})  # fmt: skip


def references(name: str, fields: Mapping[str, Any]) -> list[Reference]:
    """Returns every reference in the fields of the input object `name`, with its path."""
    found = list[Reference]()
    _collect(name, fields, "", found)
    return found


def _collect(name: str, fields: Mapping[str, Any], prefix: str, found: list[Reference]) -> None:
    own, nested = _fields(name)
    for key, kind in own:
        if (value := fields.get(key)) is not None and value != "":
            found.append(Reference(prefix + key, kind, str(value)))
    for key, inside in nested:
        match fields.get(key):
            case list() as items:
                for number, item in enumerate(items):
                    _collect(inside, item, f"{prefix}{key}[{number}].", found)
            case dict() as item:
                _collect(inside, item, f"{prefix}{key}.", found)
            case _:
                pass


@cache
def _fields(name: str) -> tuple[list[tuple[str, ReferenceKind]], list[tuple[str, str]]]:
    """Returns the references of an input object, and those of its objects that can have references."""
    ids = [key for key, kind in sdl.fields(name) if kind == "ID" and f"{name}.{key}" not in _LOOKED_UP]
    inside = [(key, kind) for key, kind in sdl.fields(name) if _has_references(kind, frozenset())]
    return [(key, _KINDS[key]) for key in ids if key in _KINDS], inside


def _has_references(name: str, seen: frozenset[str]) -> bool:
    return name not in seen and any(
        (kind == "ID" and key in _KINDS and f"{name}.{key}" not in _LOOKED_UP) or _has_references(kind, seen | {name})
        for key, kind in sdl.fields(name)
    )
