"""Reads the history of a job, or follows it until the job has ended, also when the connection breaks."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from enginehouse.client import jobs
from enginehouse.client.http import Client, Json, RequestFailed, v1

_PAGE: Final = 1_000
_PAUSE: Final = 0.5
_PATIENCE: Final = 60.0  # how many seconds a server may be away
TRANSIENT: Final = frozenset({"unreachable", "service_unavailable"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream: an event with its `id`, `end` with the job's status, or `heartbeat`."""

    kind: str
    data: Json
    id: int | None = None


def history(client: Client, job_id: str) -> list[Json]:
    """Returns everything that has happened to the job so far. Raises RequestFailed."""
    events: list[Json] = []
    while True:
        after = events[-1]["id"] if events else None
        page = client.rest("GET", v1("jobs", job_id, "events"), after=after, limit=_PAGE)["result"]
        events += page
        if len(page) < _PAGE:
            return events


def follow(client: Client, job_id: str, *, heartbeat: int = 15) -> Iterator[Message]:
    """Yields each event of the job once, in order, from the first one to the message `end`.

    If the connection breaks, it opens a new one that continues after the last event. Raises RequestFailed when the
    server refuses, and when the server stays away for a minute.
    """
    after: int | None = None
    connected, away_since = False, 0.0
    while True:
        try:
            for message in _stream(client, job_id, after, heartbeat):
                connected, away_since = True, 0.0
                after = message.id if message.id is not None else after
                yield message
                if message.kind == "end":
                    return
        except RequestFailed as failure:
            if not connected or failure.code not in TRANSIENT:
                raise
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE:
                raise
        time.sleep(_PAUSE)


def wait(client: Client, job_id: str) -> Json:
    """The job has ended. Returns it and its tasks. Raises RequestFailed."""
    for _ in follow(client, job_id):
        pass
    return jobs.get(client, job_id)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yields the messages of a stream of server-sent events. A comment line is a heartbeat."""
    event_id: int | None = None
    kind, data = "message", list[str]()
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line:
                yield Message("heartbeat", {})
            case "":
                if data:
                    yield Message(kind, json.loads("\n".join(data)), event_id)
                event_id, kind, data = None, "message", []
            case "id":
                event_id = int(value)
            case "event":
                kind = value
            case "data":
                data.append(value)


def _stream(client: Client, job_id: str, after: int | None, heartbeat: int) -> Iterator[Message]:
    headers = {"accept": "text/event-stream"} | ({} if after is None else {"last-event-id": str(after)})
    lines = client.lines(
        v1("jobs", job_id, "events"), silence=3.0 * heartbeat + 5, headers=headers, heartbeat=heartbeat
    )
    for message in messages(lines):
        if message.kind == "refused":
            raise RequestFailed(message.data["id"], message.data["description"])
        yield message
