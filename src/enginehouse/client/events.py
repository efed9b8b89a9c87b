"""Reads the history of a job, or follows it until the job has ended, also when the connection breaks."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

from enginehouse.client import jobs
from enginehouse.client.event_stream import PAUSE, EventPlace, Message, MessageParser
from enginehouse.client.failure import Json, RequestFailed
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

_PAGE: Final = 1_000


def history(client: ServerConnection, job_id: str) -> list[Json]:
    """Returns everything that has happened to the job so far. Raises RequestFailed."""
    events: list[Json] = []
    while True:
        after = events[-1]["id"] if events else None
        page = client.rest("GET", v1("jobs", job_id, "events"), after=after, limit=_PAGE)["result"]
        events += page
        if len(page) < _PAGE:
            return events


def follow(client: ServerConnection, job_id: str, *, heartbeat: int = 15) -> Iterator[Message]:
    """Yields each event of the job once, in order, from the first one to the message `end`.

    If the connection breaks, it opens a new one that continues after the last event. Raises RequestFailed when the
    server refuses, and when the server stays away for a minute.
    """
    place = EventPlace(heartbeat)
    while True:
        try:
            for message in messages(_lines(client, job_id, place)):
                place.take(message)
                yield message
                if message.kind == "end":
                    return
        except RequestFailed as failure:
            place.lose(failure, time.monotonic())
        time.sleep(PAUSE)


def wait(client: ServerConnection, job_id: str) -> Json:
    """The job has ended. Returns it and its tasks. Raises RequestFailed."""
    for _ in follow(client, job_id):
        pass
    return jobs.get(client, job_id)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yields the messages of a stream of server-sent events. A comment line is a heartbeat."""
    parser = MessageParser()
    for line in lines:
        if (message := parser.feed(line)) is not None:
            yield message


def _lines(client: ServerConnection, job_id: str, place: EventPlace) -> Iterator[str]:
    path = v1("jobs", job_id, "events")
    return client.lines(path, silence=place.silence, headers=place.headers, heartbeat=place.heartbeat)
