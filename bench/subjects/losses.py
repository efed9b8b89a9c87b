"""Measures what a loss costs: a cancel that must reach another machine, and a server of two that is killed."""

import os
import signal
import statistics
import time
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import Server, serving
from bench.stamps import listening
from bench.subjects import stop
from bench.subjects.latency import share_of
from bench.subjects.remote import NO_SLOTS, working

from bench import jobs

LEASE = 5.0
_ENGINES = 2  # that run on the server that is killed
_TIMES = 3
_FLAGS = ("--lease-seconds", f"{LEASE:g}", "--python-slots", str(_ENGINES))


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Returns how long a cancel takes for a worker on another machine; on PostgreSQL also when lost work runs again."""
    with serving(home, database, flags=NO_SLOTS) as server, working(home / "worker", server.place):
        found = uvloop.run(_stops(server.place, scale))
    if database is None:
        return found  # there can be only one server
    return found | {"server_lost": statistics.median([_lost(home, database) for _ in range(_TIMES)])}


async def _stops(place: Place, scale: Scale) -> Sample:
    async with listening() as stamps:
        waits = sorted([await stop.one(place, stamps) for _ in range(1 + scale.stops)][1:])
    return {"remote_stop_p50": share_of(waits, 0.5), "remote_stop_p99": share_of(waits, 0.99)}


def _lost(home: Path, database: str) -> float:
    """Returns the seconds from the kill of a server to the start of the last of its engines on the other server."""
    with serving(home, database, flags=_FLAGS, name="first") as first:
        return uvloop.run(_again(first, home, database))


async def _again(first: Server, home: Path, database: str) -> float:
    async with listening() as stamps:
        place, body = first.place, jobs.creation(jobs.single(jobs.STAMP, {"port": stamps.port, "stay": True}))
        created = await answers(place, [place.request("POST", jobs.CREATE, body)] * _ENGINES)
        for _ in range(_ENGINES):
            await stamps.next()
        with serving(home, database, flags=_FLAGS, name="second") as second:
            killed = time.time_ns()
            os.kill(first.pid, signal.SIGKILL)
            started = [await stamps.next() for _ in range(_ENGINES)]
            await answers(
                second.place, [stop.cancel(second.place, job) for each in created for job in each["internalJobIds"]]
            )
    return (max(started) - killed) / 1e9
