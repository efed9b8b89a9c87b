"""Measures the pages of the dashboard with many stored jobs: time, HTML, and what pages that follow jobs cost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from bench.figures import PAGES, Sample
from bench.load import WARM_UP, Place, answers, drive, until
from bench.scale import Scale
from bench.server import Server, serving
from bench.subjects.history import FLAGS, WITHOUT
from tests.history import History

from bench import jobs, processors
from enginehouse.domain.ids import job_graphql
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.noop import Noop
from enginehouse.web.streams import MOST

_HELD: Final = ("--python-slots", "1")
_WIDE: Final = 200  # tasks of the large job
_OPEN: Final = 100  # pages that follow jobs at once
_QUIET: Final = 5.0  # seconds in which processor time is counted
_SETTLED: Final = 1.0


async def measure(home: Path, dsn: str | None, scale: Scale) -> Sample:
    """Returns the milliseconds and kilobytes of each page, and the share of a core that open pages of jobs cost."""
    history = History(scale.history, engines=(Noop.spec.id, Chunker.spec.id), without=WITHOUT)
    with serving(home, dsn, core=processors.SERVER, flags=(*FLAGS, *_HELD)) as server:
        if dsn is None:
            history.add_to_sqlite(home / "data/enginehouse.db")
        else:
            await history.add_to_postgres(dsn, analyze=True)
        processors.keep_to(processors.CLIENTS)
        try:
            place = server.place
            await _create(place, jobs.holding())
            sample = await _pages(place, history, scale.seconds)
            return sample | {"pages_open": await _open_pages(server, home)}
        finally:
            processors.keep_to(None)


async def _pages(place: Place, history: History, seconds: float) -> Sample:
    [job] = await _create(place, jobs.waiting())
    [wide] = await _create(place, {"tasks": [{"engineId": jobs.HOLD}] * _WIDE})
    addresses = {
        "overview": "/",
        "jobs": "/jobs",
        "jobs_status": "/jobs?status=failed",
        "jobs_page": f"/jobs?before={job_graphql(history.job_id(history.count // 2))}",
        "jobs_engine": f"/jobs?engine={Chunker.spec.id}",
        "job": f"/jobs/{job}",
        "job_wide": f"/jobs/{wide}",
        "job_new": "/jobs/new",
        "engines": "/engines",
        "workers": "/workers",
        "schedules": "/schedules",
        "webhooks": "/webhooks",
        "audit": "/audit",
        "docs": "/docs",
        "reference": "/docs/edge",
    }
    found = Sample()
    for key in PAGES:
        request = _request(place, addresses[key], place.token)
        kept: list[bytes] = []
        await drive(place, [request], clients=1, keep=kept)
        await drive(place, until(WARM_UP, request), clients=1)
        load = await drive(place, until(seconds, request), clients=1)
        found[f"pages_{key}"] = load.waits[len(load.waits) // 2] * 1e3
        found[f"pages_{key}_html"] = len(kept[0]) / 1e3
    return found


async def _open_pages(server: Server, home: Path) -> float:
    """Returns the share of a core (%) that the server needs while nothing happens on the pages."""
    place = server.place
    followed = [job for _ in range(_OPEN) for job in await _create(place, jobs.waiting())]
    password = (home / "data/admin-password").read_text().split()[-1]
    login = place.graphql(f'mutation {{ userLogin(input: {{userName: "admin", password: "{password}"}}) {{ token }} }}')
    # One session has a few streams at most; further ones take turns.
    sessions = [one["data"]["userLogin"]["token"] for one in await answers(place, repeat(login, -(-_OPEN // MOST)))]
    async with AsyncExitStack() as open_:
        for number, job in enumerate(followed):
            await open_.enter_async_context(_stream(place, f"/jobs/{job}/live", sessions[number // MOST]))
        await asyncio.sleep(_SETTLED)
        spent, since = processors.seconds_used(server.pid), time.monotonic()
        await asyncio.sleep(_QUIET)
        return (processors.seconds_used(server.pid) - spent) / (time.monotonic() - since) * 100


@asynccontextmanager
async def _stream(place: Place, path: str, session: str) -> AsyncIterator[None]:
    """The stream of a page is open, after its first message."""
    reader, writer = await asyncio.open_connection(place.host, place.port)
    try:
        writer.write(_request(place, path, session))
        while not (line := await reader.readline()).startswith((b"data:", b"id:")):
            if not line:
                raise RuntimeError("The server has refused a stream.")
        yield
    finally:
        writer.close()


def _request(place: Place, path: str, session: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {place.host}\r\nCookie: eh={session}\r\nAccept: text/html\r\n\r\n".encode()


async def _create(place: Place, job: dict[str, Any]) -> list[str]:
    [answer] = await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(job))])
    made: list[str] = answer["internalJobIds"]
    return made
