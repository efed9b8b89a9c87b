"""Measures the REST interface on a server with few stored jobs, and on the same server with many."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Final

from bench.figures import REST, Sample
from bench.load import WARM_UP, Place, drive, during
from bench.scale import Scale
from bench.server import Server, serving
from bench.subjects.history import FLAGS, SHORT, WITHOUT
from tests.history import History

from bench import jobs, processors
from enginehouse.domain.ids import job_uuid
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop

_CLIENTS: Final = 64
_HELD: Final = ("--python-slots", "1")
_DIFFERENT: Final = 1_000  # requests, which the clients send in turn
_PAGES: Final = (("complete", 10), ("failed", 5), ("aborted", 3))  # full ones that there are with 1 000 jobs


async def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns the calls per second with many jobs, what they cost, and how many times as much as with few.

    Reads have a server on one core, creates a server on all of them. The clients have a core of their own for the
    reads. No two requests in a row are the same.
    """
    engines = (Noop.spec.id, Chunker.spec.id)
    found = []
    for history in (
        History(SHORT, engines=engines, without=WITHOUT),
        History(scale.history, since=SHORT, engines=engines, without=WITHOUT),
    ):
        with serving(home, dsn, core=processors.SERVER, flags=FLAGS) as server:
            if dsn is None:
                history.add_to_sqlite(home / "data/enginehouse.db")
            else:
                await history.add_to_postgres(dsn, analyze=True)
            processors.keep_to(processors.CLIENTS)
            try:
                sample = await _load(server, dsn, "status", _statuses(server.place, history), scale.seconds)
                sample |= await _load(server, dsn, "page", _pages(server.place), scale.seconds)
            finally:
                processors.keep_to(None)
        with serving(home, dsn, flags=(*FLAGS, *_HELD)) as server:
            place = server.place
            await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
            sample |= await _load(server, dsn, "create", creations(place), scale.seconds)
            sample |= await _load(server, dsn, "create_new", creations(place, graphs=True), scale.seconds)
        found.append(sample)
    few, many = found
    return many | {f"rest_{key}_ratio": _cost(many, key) / _cost(few, key) for key in REST}


def creations(place: Place, *, graphs: bool = False) -> list[bytes]:
    """Returns requests for jobs with payloads that differ; with `graphs` all ids of their tasks and folders do too."""
    bodies = [jobs.waiting(payload=str(number), ids=f"{number}-" if graphs else "") for number in range(_DIFFERENT)]
    return [place.request("POST", jobs.CREATE, jobs.creation(body)) for body in bodies]


def _statuses(place: Place, history: History) -> list[bytes]:
    """Returns requests for jobs that lie apart in the history."""
    apart = history.count // _DIFFERENT
    ids = [job_uuid(history.job_id(number * apart)) for number in range(_DIFFERENT)]
    return [place.request("GET", f"/edge/v1/proc/job/{job_id}/status") for job_id in ids]


def _pages(place: Place) -> list[bytes]:
    path = "/edge/v1/proc/jobs?organizationID=1"
    return [
        place.request("GET", f"{path}&status={status}&offset={number * 10}")
        for status, count in _PAGES
        for number in range(count)
    ]


async def _load(server: Server, dsn: str | None, key: str, requests: Sequence[bytes], seconds: float) -> Sample:
    """Returns the calls per second, and the processor time of one in the server and in PostgreSQL (µs)."""
    postgres = None if dsn is None else await processors.postgres_of(dsn)
    await drive(server.place, during(WARM_UP, cycle(requests)), clients=_CLIENTS)
    used = processors.seconds_used(server.pid)
    in_database = 0.0 if postgres is None else processors.seconds_used_by_tree(postgres)
    load = await drive(server.place, during(seconds, cycle(requests)), clients=_CLIENTS)
    calls = len(load.waits)
    found = {
        f"rest_{key}": load.per_second,
        f"rest_{key}_server": (processors.seconds_used(server.pid) - used) / calls * 1e6,
    }
    if postgres is not None:
        found[f"rest_{key}_database"] = (processors.seconds_used_by_tree(postgres) - in_database) / calls * 1e6
    return found


def _cost(sample: Sample, key: str) -> float:
    """Returns the processor time of a call, which other programs on the machine change less than its duration."""
    return sample[f"rest_{key}_server"] + sample.get(f"rest_{key}_database", 0.0)
