"""Measures one server process and two on the same PostgreSQL: creates and tasks, and what each costs."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

import uvloop
from bench.figures import Sample
from bench.load import drive, until
from bench.scale import Scale
from bench.server import Server, serving
from bench.subjects import tasks

from bench import jobs, processors

COUNTS: Final = (1, 2)
_CLIENTS: Final = 64
_WARM_UP: Final = 1.0  # seconds; each process must have prepared its statements on each of its connections
_BATCH: Final = 50  # jobs in a request
_HELD: Final = ("--python-slots", "1")


class _Measure(Protocol):
    def __call__(self, server: Server, dsn: str, scale: Scale) -> Coroutine[Any, Any, tuple[float, float]]: ...


def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns what one process does a second and what two do, and the processor time of all but the clients (µs).

    Nothing on SQLite, which is for one process.
    """
    found: Sample = {}
    measures: dict[str, tuple[_Measure, tuple[str, ...]]] = {"tasks": (_tasks, ()), "create": (_creates, _HELD)}
    for key, (measured, flags) in measures.items():
        for count in COUNTS if dsn is not None else ():
            with serving(home, dsn, flags=("--processes", str(count), *flags)) as server:
                processors.keep_to(processors.CLIENTS)
                try:
                    rate, cost = uvloop.run(measured(server, str(dsn), scale))
                finally:
                    processors.keep_to(None)
            found |= {f"processes_{key}_{count}": rate, f"processes_{key}_{count}_cost": cost}
    return found


async def _creates(server: Server, dsn: str, scale: Scale) -> tuple[float, float]:
    place = server.place
    await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
    request = place.request("POST", jobs.CREATE, jobs.creation(jobs.waiting()))
    await drive(place, until(_WARM_UP, request), clients=_CLIENTS)
    used = await _used(server, dsn)
    load = await drive(place, until(scale.seconds, request), clients=_CLIENTS)
    return load.per_second, (await _used(server, dsn) - used) / len(load.waits) * 1e6


async def _tasks(server: Server, dsn: str, scale: Scale) -> tuple[float, float]:
    await tasks.run(server.place, jobs.NOOP, requests=2 * _CLIENTS, batch=1, clients=_CLIENTS)
    used, requests = await _used(server, dsn), scale.jobs // _BATCH
    rate = await tasks.run(server.place, jobs.NOOP, requests=requests, batch=_BATCH, clients=min(requests, 8))
    count = requests * _BATCH * len(jobs.independent(jobs.NOOP)["tasks"])
    return rate, (await _used(server, dsn) - used) / count * 1e6


async def _used(server: Server, dsn: str) -> float:
    """Returns the processor time (s) of the server, of its processes and of PostgreSQL so far."""
    database = await processors.postgres_of(dsn)
    return processors.seconds_used_by_tree(server.pid) + processors.seconds_used_by_tree(database)
