"""Measures a worker on another machine beside the server's own: over loopback, with as many children."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import engines_path, serving, without_settings
from bench.subjects.latency import python_starts, share_of
from bench.subjects.tasks import BATCH, run

from bench import jobs

CHILDREN = 4
_OWN = ("--python-slots", str(CHILDREN))
NO_SLOTS = ("--python-slots", "0", "--native-slots", "0", "--http-slots", "0")


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Measures both places in turn, on servers of their own."""
    with serving(home, database, flags=_OWN) as server:
        local = uvloop.run(_measured(server.place, scale))
    with serving(home, database, flags=NO_SLOTS) as server, working(home / "worker", server.place):
        remote = uvloop.run(_measured(server.place, scale))
    return _named("local", local) | _named("remote", remote)


def _named(place: str, figures: Sample) -> Sample:
    return {f"{place}_{name}": value for name, value in figures.items()}


async def _measured(place: Place, scale: Scale) -> Sample:
    await run(place, jobs.PYTHON_NOOP, requests=1, batch=20, clients=1)  # children are started
    rate = await run(place, jobs.PYTHON_NOOP, requests=max(1, scale.jobs // BATCH), batch=BATCH, clients=1)
    waits = sorted((await python_starts(place, scale.starts + 10))[10:])
    return {"rate": rate, "p50": share_of(waits, 0.5)}


@contextmanager
def working(home: Path, place: Place) -> Iterator[None]:
    """A worker that takes the server's work. It is gone afterwards."""
    home.mkdir(parents=True)
    token = asyncio.run(_token(place))
    command: list[str | Path] = [Path(sys.executable).with_name("enginehouse"), "worker", "run", "--server", place.url]
    command += ["--data", home / "data", "--python-slots", str(CHILDREN), "--drain-seconds", "0"]
    environment = without_settings() | {"ENGINEHOUSE_WORKER_TOKEN": token, "PYTHONPATH": engines_path(home)}
    said = home / "worker.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while "ready:" not in said.read_text(errors="replace"):
            if process.poll() is not None:
                raise RuntimeError(f"The worker did not start:\n{said.read_text(errors='replace')[-2000:]}")
        yield
    finally:
        process.kill()
        process.wait()


async def _token(place: Place) -> str:
    [answer] = await answers(place, [place.request("POST", "/api/v1/tokens", {"worker": {}})])
    token: str = answer["result"]["token"]
    return token
