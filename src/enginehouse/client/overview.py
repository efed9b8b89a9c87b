"""The numbers of the organization and of its engines."""

import time
from collections.abc import Iterator
from typing import Final

from enginehouse.client.events import TRANSIENT, Message, messages
from enginehouse.client.http import Client, Json, RequestFailed, v1

_PAUSE: Final = 0.5
_PATIENCE: Final = 60.0  # how many seconds a server may be away


def now(client: Client) -> Json:
    """Returns jobs by status, what waits and runs, and what has failed within the hour. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("overview"))["result"]
    return found


def rates(client: Client, *, since: str | None = None, step: int | None = None) -> list[Json]:
    """Returns what jobs did in each `step` (seconds) from a moment to now. Raises RequestFailed."""
    points: list[Json] = client.rest("GET", v1("overview", "rates"), sinceDateTime=since, step=step)["result"]
    return points


def engine_numbers(client: Client) -> list[Json]:
    """Returns what waits, runs and has failed of every engine. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("engine-numbers"))["result"]
    return records


def follow(client: Client, *, heartbeat: int = 15) -> Iterator[Json]:
    """Yields the jobs by status, now and whenever they change, without an end.

    If the connection breaks, it opens a new one. Raises RequestFailed when the server refuses, or is away for a minute.
    """
    connected, away_since, last = False, 0.0, None
    while True:
        try:
            for message in _stream(client, heartbeat):
                connected, away_since = True, 0.0
                if message.kind == "counts" and message.data != last:
                    last = message.data
                    yield message.data
        except RequestFailed as failure:
            if not connected or failure.code not in TRANSIENT:
                raise
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE:
                raise
        time.sleep(_PAUSE)


def _stream(client: Client, heartbeat: int) -> Iterator[Message]:
    headers = {"accept": "text/event-stream"}
    lines = client.lines(v1("overview", "stream"), silence=3.0 * heartbeat + 5, headers=headers, heartbeat=heartbeat)
    for message in messages(lines):
        if message.kind == "refused":
            raise RequestFailed(message.data["id"], message.data["description"])
        yield message
