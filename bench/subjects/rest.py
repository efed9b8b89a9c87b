"""Measures the REST interface on a server with few stored jobs, and on the same server with many."""

from itertools import repeat
from pathlib import Path
from typing import Final

from bench.figures import REST, Sample
from bench.load import drive, during, rate
from bench.scale import Scale
from bench.server import serving
from bench.subjects.history import FLAGS, SHORT, WITHOUT
from tests.history import History

from bench import jobs, processors
from enginehouse.domain.ids import job_uuid
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop

_CLIENTS: Final = 64
_HELD: Final = ("--python-slots", "1")


async def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns the calls per second with many jobs, and how many times as long a call takes as with few.

    Reads have a server on one core, creates a server on all of them.
    """
    engines = (Noop.spec.id, Chunker.spec.id)
    needed = []
    for history in (
        History(SHORT, engines=engines, without=WITHOUT),
        History(scale.history, since=SHORT, engines=engines, without=WITHOUT),
    ):
        with serving(home, dsn, core=processors.SERVER, flags=FLAGS) as server:
            if dsn is None:
                history.add_to_sqlite(home / "data/enginehouse.db")
            else:
                await history.add_to_postgres(dsn, analyze=True)
            place = server.place
            status = place.request("GET", f"/edge/v1/proc/job/{job_uuid(history.job_id(25))}/status")
            page = place.request("GET", "/edge/v1/proc/jobs?organizationID=1&status=failed")
            found = {
                "status": await rate(place, status, clients=_CLIENTS, seconds=scale.seconds),
                "page": await rate(place, page, clients=_CLIENTS, seconds=scale.seconds),
            }
        with serving(home, dsn, flags=(*FLAGS, *_HELD)) as server:
            place = server.place
            await drive(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.holding()))], clients=1)
            create = place.request("POST", jobs.CREATE, jobs.creation(jobs.waiting()))
            load = await drive(place, during(scale.seconds, repeat(create)), clients=_CLIENTS)
            found["create"] = load.per_second
        needed.append(found)
    few, many = needed
    return {f"rest_{key}": many[key] for key in REST} | {f"rest_{key}_ratio": few[key] / many[key] for key in REST}
