"""The numbers of the organization and of its engines."""

import time
from collections.abc import Iterator

from enginehouse.client.event_stream import PAUSE, EventPlace, Message
from enginehouse.client.events import messages
from enginehouse.client.failure import Json, RequestFailed
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1


def now(client: ServerConnection) -> Json:
    """Returns jobs by status, what waits and runs, and what has failed within the hour. Raises RequestFailed."""
    found: Json = client.rest("GET", v1("overview"))["result"]
    return found


def rates(client: ServerConnection, *, since: str | None = None, step: int | None = None) -> list[Json]:
    """Returns what jobs did in each `step` (seconds) from a moment to now. Raises RequestFailed."""
    points: list[Json] = client.rest("GET", v1("overview", "rates"), sinceDateTime=since, step=step)["result"]
    return points


def engine_numbers(client: ServerConnection) -> list[Json]:
    """Returns what waits, runs and has failed of every engine. Raises RequestFailed."""
    records: list[Json] = client.rest("GET", v1("engine-numbers"))["result"]
    return records


def follow(client: ServerConnection, *, heartbeat: int = 15) -> Iterator[Json]:
    """Yields the jobs by status, now and whenever they change, without an end.

    If the connection breaks, it opens a new one. Raises RequestFailed when the server refuses, or is away for a minute.
    """
    place, last = EventPlace(heartbeat), None
    while True:
        try:
            for message in _messages(client, place):
                place.take(message)
                if message.kind == "counts" and message.data != last:
                    last = message.data
                    yield message.data
        except RequestFailed as failure:
            place.lose(failure, time.monotonic())
        time.sleep(PAUSE)


def _messages(client: ServerConnection, place: EventPlace) -> Iterator[Message]:
    path = v1("overview", "stream")
    return messages(client.lines(path, silence=place.silence, headers=place.headers, heartbeat=place.heartbeat))
