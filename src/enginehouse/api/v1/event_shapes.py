"""The bodies of a job's history in our own interface, `/api/v1`."""

from typing import Any

import msgspec

from enginehouse.api.http.json.casing import spelled


class EventView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """An event. `task` is the number of the task in its job. An event of the job itself has neither task field.

    `detail` has the fields of its kind: `worker`, `attempt`, `chunk`, `chunks`, `reason`, `message`, `againDateTime`,
    `jobID` for another job, and `referenceID` of a warning.
    """

    id: int
    kind: str
    date_time: str
    job_id: str
    task: int | None = None
    task_id: str | None = None
    detail: dict[str, Any] = {}


class StreamEnded(msgspec.Struct):
    """The last message of a stream. `status` is the job's, or `deleted`."""

    status: str


class StreamRefused(msgspec.Struct):
    """The last message of a stream whose caller may not read it any more."""

    id: str
    description: str
