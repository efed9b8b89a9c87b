"""Measures how long reads take on a server with few stored jobs, and on the same server with many."""

from pathlib import Path
from typing import Final

from bench.figures import HISTORY, Sample
from bench.load import WARM_UP, Place, drive, until
from bench.scale import Scale
from bench.server import serving
from tests.history import TARGET, History

from bench import processors
from enginehouse.domain.ids import job_graphql
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop

SHORT: Final = 1_000
# The server itself stores the organization; what it would start, or what no read here looks at, is left out. So are old
# keys and deliveries: the server would remove a million of each while it is measured.
WITHOUT: Final = frozenset(
    {
        "organization",
        "work_item",
        "attempt",
        "token",
        "asset",
        "barrier",
        "schedule_slot",
        "idempotency_key",
        "outbox",
    }
)
# The jobs are some years old, and stay.
FLAGS: Final = ("--retention-days", "36000", "--audit-retention-days", "36000")
_RECORDS: Final = "records { id status tasks { records { id status } } }"


async def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns the milliseconds of each read with many jobs, and how many times as long it takes as with few."""
    engines = (Noop.spec.id, Chunker.spec.id)
    short = History(SHORT, engines=engines, without=WITHOUT)
    long = History(scale.history, since=SHORT, engines=engines, without=WITHOUT)
    with serving(home, dsn, core=processors.SERVER, flags=FLAGS) as server:
        needed = []
        for history in (short, long):
            if dsn is None:
                history.add_to_sqlite(home / "data/enginehouse.db")
            else:
                await history.add_to_postgres(dsn, analyze=True)
            needed.append(await _reads(server.place, history, scale.seconds))
    few, many = needed
    return {f"history_{key}": many[key] for key in many} | {
        f"history_{key}_ratio": many[key] / few[key] for key in many
    }


async def _reads(place: Place, history: History, seconds: float) -> dict[str, float]:
    last = history.count - 30
    queries = {
        "job": f'{{ job(id: "{job_graphql(history.job_id(25))}") {{ id status retries }} }}',
        "newest": f"{{ jobs(limit: 30) {{ {_RECORDS} }} }}",
        "oldest": f"{{ jobs(limit: 30, orderBy: [{{field: createdDateTime, direction: asc}}]) {{ {_RECORDS} }} }}",
        "last": f"{{ jobs(limit: 30, offset: {last}) {{ {_RECORDS} }} }}",
        "status": f"{{ jobs(limit: 30, status: [failed]) {{ {_RECORDS} }} }}",
        "target": f'{{ jobs(limit: 30, targetId: "{TARGET + 1}") {{ {_RECORDS} }} }}',
        "engine": f'{{ jobs(limit: 30, engineIds: ["{history.engines[1]}"]) {{ {_RECORDS} }} }}',
        "changed": f"{{ jobs(limit: 30, orderBy: [{{field: modifiedDateTime, direction: desc}}]) {{ {_RECORDS} }} }}",
    }
    first, last_second = (history.at(number) // 1_000_000 for number in (100, 900))
    requests = {key: place.graphql(query) for key, query in queries.items()}
    requests["range"] = place.request("GET", f"/edge/v1/proc/jobs?startTime={first}&endTime={last_second}")
    requests["tasks"] = place.request("GET", "/edge/v1/proc/tasks")
    found = dict[str, float]()
    for key in HISTORY:
        await drive(place, until(WARM_UP, requests[key]), clients=1)
        load = await drive(place, until(seconds, requests[key]), clients=1)
        # Other programs on the machine disturb the shortest waits least.
        found[key] = load.waits[len(load.waits) // 10] * 1e3
    return found
