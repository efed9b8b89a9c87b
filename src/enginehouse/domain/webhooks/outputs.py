"""The `sendOutputToUris` of a plan: where every output of a task is sent (rest-contract §3.2). Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from enginehouse.domain import ids
from enginehouse.domain.job import Plan
from enginehouse.domain.times import SECOND
from enginehouse.domain.work import ItemKey, NewArtifact

FIELD: Final = "sendOutputToUris"
EVENT: Final = "TaskOutput"
_OURS: Final = UUID("5a1bd3a4-3c7c-5d0e-8f53-1d3a3a2f6c11")
_HEADER: Final = re.compile(r"x-aiware-[a-z0-9_-]{1,64}", re.IGNORECASE)
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,1000}")
_MOST_HEADERS: Final = 20


class OutputReference(msgspec.Struct, frozen=True, rename="camel"):
    """An output that a message sends: its place in its task, and what it was when it was accepted."""

    folder: int
    item: int
    part: int
    name: str
    media_type: str
    size: int
    sha256: str
    headers: dict[str, str] = {}


def addresses(plan: Plan, ordinal: int) -> list[str]:
    """Returns the addresses to which the outputs of the task are sent: those of the job, and its own."""
    return list(dict.fromkeys([*(plan.echo.get(FIELD) or ()), *(plan.tasks[ordinal].echo.get(FIELD) or ())]))


def url(address: str, key: ItemKey, output: NewArtifact, now: int) -> str:
    """Returns the address of one output. The ids stand behind a slash and without a question mark, as documented."""
    place = f"{key.job_id}/{key.ordinal}/{output.folder}/{key.item}/{output.part}"
    return (
        f"{address.rstrip('/')}/internalJobID={ids.job_uuid(key.job_id)}"
        f"&internalTaskID={ids.task_uuid(key.job_id, key.ordinal)}&jobID={ids.job_graphql(key.job_id)}"
        f"&taskID={ids.task_graphql(key.job_id, key.ordinal)}&chunkID={uuid5(_OURS, place)}&timestamp={now // SECOND}"
    )


def reference(key: ItemKey, output: NewArtifact) -> OutputReference:
    """Returns what a message must know to send the output later."""
    return OutputReference(
        output.folder, key.item, output.part, output.name, output.media_type, output.size, output.sha256,
        headers(output.metadata or {}),
    )  # fmt: skip


def headers(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Returns the metadata that go out as headers: those whose names begin with `x-aiware-`."""
    named = {name.lower(): str(value) for name, value in metadata.items() if _HEADER.fullmatch(name)}
    return dict([each for each in sorted(named.items()) if _VALUE.fullmatch(each[1])][:_MOST_HEADERS])
