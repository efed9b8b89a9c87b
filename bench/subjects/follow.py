"""Measures how soon a client that follows a job gets an event, and the cost of a thousand followers without events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import repeat
from typing import Any

from bench.figures import Sample
from bench.load import Place, answers, drive
from bench.scale import Scale
from bench.server import Server
from bench.subjects.latency import share_of
from bench.subjects.memory import resident

from bench import jobs, processors

_QUIET = 5.0  # seconds in which processor time is counted
_SETTLED = 1.0


async def measure(server: Server, scale: Scale) -> Sample:
    """Returns the figures of one round. Each follower has its own waiting job.

    Meanwhile other followed jobs are cancelled.
    """
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    made = await _create(place, scale.followers + scale.cancels // 10)
    quiet, cancelled = made[: scale.followers], made[scale.followers :]
    await asyncio.sleep(_SETTLED)
    before = resident(server.pid)
    async with AsyncExitStack() as open_:
        for job in quiet:
            await open_.enter_async_context(_following(place, job))
        await asyncio.sleep(_SETTLED)
        after, spent, since = resident(server.pid), processors.seconds_used(server.pid), time.monotonic()
        await asyncio.sleep(_QUIET)
        share = (processors.seconds_used(server.pid) - spent) / (time.monotonic() - since)
        waits = sorted([await _told_after(place, job) for job in cancelled])
    return {
        "follow_p50": share_of(waits, 0.5),
        "follow_p99": share_of(waits, 0.99),
        "follow_processor": share * 100,
        "follow_memory": (after - before) * 1000 / scale.followers,
    }


async def _told_after(place: Place, job: str) -> float:
    """Returns the milliseconds from the abort, which the server recorded before the commit, to its line here."""
    async with _following(place, job) as lines:
        cancel = place.request("POST", "/edge/v1/proc/jobs/cancel", {"jobID": job})
        cancelling = asyncio.create_task(answers(place, [cancel]))
        while True:
            line = await lines.readline()
            here = time.time()
            if line.startswith(b'data: {"id"'):
                event: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                if event["kind"] == "aborted":
                    await cancelling
                    return (here - datetime.fromisoformat(event["dateTime"]).timestamp()) * 1e3
            if not line:
                raise RuntimeError("The stream ended before it told of the cancel.")


@asynccontextmanager
async def _following(place: Place, job: str) -> AsyncIterator[asyncio.StreamReader]:
    """Yields the job's stream after its first event."""
    reader, writer = await asyncio.open_connection(place.host, place.port)
    try:
        writer.write(place.request("GET", f"/api/v1/jobs/{job}/events/stream"))
        while not (line := await reader.readline()).startswith(b"data:"):
            if not line:
                raise RuntimeError("The server has refused a stream.")
        yield reader
    finally:
        writer.close()


async def _create(place: Place, count: int) -> list[str]:
    request = place.request("POST", jobs.CREATE, jobs.creation(jobs.waiting()))
    requests: Iterator[bytes] = repeat(request, count)
    return [job for answer in await answers(place, requests) for job in answer["internalJobIds"]]
