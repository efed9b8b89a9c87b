"""The history of a job as our own interface, `/api/v1`, has it."""

from typing import Any

import msgspec

from enginehouse.api.http.json.casing import spelled


class EventView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """An event. `task` is the number of the task in its job, both task fields are absent where it is the job's own.

    `detail` has what the kind says: `worker`, `attempt`, `chunk`, `chunks`, `reason`, `message`, `againDateTime`, and
    as `jobID` the other job that is spoken of.
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
