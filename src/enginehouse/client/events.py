"""A job's history as a client has it: listed, or followed through every break of the connection."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from enginehouse.client.http import Connection, RequestFailed

Json = dict[str, Any]

_PAGE: Final = 1_000
_PAUSE: Final = 0.5
_PATIENCE: Final = 60.0  # how long a server may be away before it is given up
_PASSING: Final = frozenset({"unreachable", "service_unavailable"})


class NotServedError(Exception):
    """This server has no event streams."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream: an event with its id, `end` with the job's status, or `heartbeat`."""

    kind: str
    data: Json
    id: int | None = None


def listed(server: Connection, job_id: str) -> list[Json]:
    """Everything that has happened to the job so far."""
    found: list[Json] = []
    while True:
        after = found[-1]["id"] if found else None
        page = server.rest("GET", _path(job_id), after=after, limit=_PAGE)["result"]
        found += page
        if len(page) < _PAGE:
            return found


def follow(server: Connection, job_id: str, *, heartbeat: int = 15) -> Iterator[Message]:
    """Everything that happens to the job, from its first event up to the message `end`; each event once, in order.

    A connection that breaks is made again and goes on behind the last event. Raises NotServedError where the server
    answers that there is no such path or job, RequestFailed for everything else that it refuses.
    """
    after: int | None = None
    connected, away_since = False, 0.0
    while True:
        try:
            for message in _once(server, job_id, after, heartbeat):
                connected, away_since = True, 0.0
                after = message.id if message.id is not None else after
                yield message
                if message.kind == "end":
                    return
        except RequestFailed as failed:
            if failed.status == 404 and not connected:
                raise NotServedError from failed
            if not connected or failed.code not in _PASSING:
                raise
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE:
                raise
        time.sleep(_PAUSE)


def _once(server: Connection, job_id: str, after: int | None, heartbeat: int) -> Iterator[Message]:
    headers = {"accept": "text/event-stream"} | ({} if after is None else {"last-event-id": str(after)})
    lines = server.lines(_path(job_id), silence=3.0 * heartbeat + 5, headers=headers, heartbeat=heartbeat)
    for message in messages(lines):
        if message.kind == "refused":
            raise RequestFailed(message.data["id"], message.data["description"])
        yield message


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages of a stream; a comment is a heartbeat."""
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


def _path(job_id: str) -> str:
    return f"/api/v1/jobs/{quote(job_id, safe='')}/events"
