"""Measures how fast tasks that do nothing are created, leased, run, and recorded as complete."""

import asyncio
import time
from datetime import datetime
from itertools import repeat
from typing import Any

from bench.figures import Sample
from bench.load import Place, answers, drive
from bench.scale import Scale
from bench.server import Server

from bench import jobs

BATCH = 200
ENDS_WITHIN = 120.0
_LATEST = "/edge/v1/proc/jobs?status=complete&limit=1&orderBy=modifiedDateTime&direction=DESC"
_FAILED = "/edge/v1/proc/jobs?status=failed&limit=1"


async def measure(server: Server, scale: Scale) -> Sample:
    place = server.place
    for engine in (jobs.NOOP, jobs.PYTHON_NOOP):  # warm up: statements are prepared, a child is started
        await run(place, engine, requests=1, batch=20, clients=1)
    return {
        "tasks_1": await run(place, jobs.NOOP, requests=scale.jobs // BATCH, batch=BATCH, clients=1),
        "tasks_64": await run(place, jobs.NOOP, requests=scale.jobs, batch=1, clients=64),
        "tasks_python": await run(place, jobs.PYTHON_NOOP, requests=scale.jobs // BATCH, batch=BATCH, clients=1),
    }


async def run(place: Place, engine: str, *, requests: int, batch: int, clients: int) -> float:
    """Returns the tasks per second, from the first request to the last completion that the server recorded."""
    job = jobs.independent(engine)
    request = place.request("POST", jobs.CREATE, jobs.creation(*[job] * batch))
    before = (await _complete(place))["count"]
    started = time.time()
    await drive(place, repeat(request, requests), clients=clients)
    latest = await until_complete(place, before + requests * batch)
    ended = datetime.fromisoformat(latest["completedDateTime"]).timestamp()
    return len(job["tasks"]) * requests * batch / (ended - started)


async def until_complete(place: Place, count: int) -> Any:
    """`count` jobs are complete. Returns the last one."""
    deadline = time.monotonic() + ENDS_WITHIN
    while (found := await _complete(place))["count"] < count:
        [failed] = await answers(place, [place.request("GET", _FAILED)])
        if failed["count"] or time.monotonic() > deadline:
            why = [task.get("failureDetail") for job in failed["result"] for task in job["tasks"]]
            raise RuntimeError(f"Of {count} jobs {found['count']} are complete and {failed['count']} failed: {why}")
        await asyncio.sleep(0.1)
    return found["result"][0]


async def _complete(place: Place) -> Any:
    """Returns how many jobs are complete, and the last of them."""
    [answer] = await answers(place, [place.request("GET", _LATEST)])
    return answer
