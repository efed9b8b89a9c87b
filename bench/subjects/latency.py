"""Measures how long an idle server takes from a client's create to the start of the engine."""

import asyncio
import time
from datetime import datetime
from typing import Any

from bench.figures import Sample
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import Server
from bench.stamps import listening

from bench import jobs

PAUSE = 0.015  # seconds between one job's end and the next create


async def measure(server: Server, scale: Scale) -> Sample:
    native = sorted([await _native(server.place) for _ in range(scale.starts + 10)][10:])
    python = sorted((await python_starts(server.place, scale.starts + 10))[10:])
    return {
        "latency_native_p50": share_of(native, 0.5),
        "latency_native_p99": share_of(native, 0.99),
        "latency_python_p50": share_of(python, 0.5),
        "latency_python_p99": share_of(python, 0.99),
    }


async def _native(place: Place) -> float:
    """Returns the milliseconds to the start that the server recorded for the task."""
    sent = time.time()
    [created] = await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.single(jobs.NOOP)))])
    detail = place.request("GET", f"/edge/v1/proc/job/{created['internalJobIds'][0]}/detail")
    while True:
        await asyncio.sleep(PAUSE)
        [answer] = await answers(place, [detail])
        task: dict[str, Any] = answer["job"]["tasks"][0]
        if "startedDateTime" in task:
            return (datetime.fromisoformat(task["startedDateTime"]).timestamp() - sent) * 1e3


async def python_starts(place: Place, count: int) -> list[float]:
    """Returns the milliseconds to the first line of a Python engine, which sends its wall clock."""
    waits = []
    async with listening() as stamps:
        request = place.request("POST", jobs.CREATE, jobs.creation(jobs.single(jobs.STAMP, {"port": stamps.port})))
        for _ in range(count):
            sent = time.time_ns()
            await answers(place, [request])
            waits.append((await stamps.next() - sent) / 1e6)
            await asyncio.sleep(PAUSE)
    return waits


def share_of(waits: list[float], share: float) -> float:
    """Returns the wait that this share of the sorted `waits` does not exceed."""
    return waits[min(len(waits) - 1, int(len(waits) * share))]
