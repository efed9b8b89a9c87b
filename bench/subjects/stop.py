"""Measures the time from the cancel of a job whose engine runs to the response that shows it as aborted."""

import asyncio
import time

from bench.figures import Sample
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import Server
from bench.stamps import Stamps, listening
from bench.subjects.latency import share_of

from bench import jobs

_WARM = 3
_LOOK_AGAIN = 0.002  # seconds between two looks at the status
_ENDS_WITHIN = 30.0


async def measure(server: Server, scale: Scale) -> Sample:
    """Returns the figures of stops of an engine that ends on request. Each needs a new process, so they are few."""
    async with listening() as stamps:
        waits = sorted([await one(server.place, stamps) for _ in range(_WARM + scale.stops)][_WARM:])
    return {"stop_p50": share_of(waits, 0.5), "stop_p99": share_of(waits, 0.99)}


async def one(place: Place, stamps: Stamps) -> float:
    """Returns the milliseconds from the first byte of the cancel to the first look that finds the job aborted."""
    staying = jobs.single(jobs.STAMP, {"port": stamps.port, "stay": True})
    [created] = await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(staying))])
    [job] = created["internalJobIds"]
    await stamps.next()
    status = place.request("GET", f"/edge/v1/proc/job/{job}/status")
    sent = time.perf_counter()
    [answer] = await answers(place, [cancel(place, job)])
    if answer["stopping"] != 1:
        raise RuntimeError(f"The engine was not running: {answer}")
    while (await answers(place, [status]))[0]["job"]["jobStatus"] != "aborted":
        if time.perf_counter() - sent > _ENDS_WITHIN:
            raise RuntimeError(f"The engine was not stopped within {_ENDS_WITHIN:g} s.")
        await asyncio.sleep(_LOOK_AGAIN)
    return (time.perf_counter() - sent) * 1e3


def cancel(place: Place, job: str) -> bytes:
    """Returns the request that cancels the job, also if it runs."""
    return place.request("POST", "/edge/v1/proc/jobs/cancel", {"jobID": job, "includeRunning": True})
