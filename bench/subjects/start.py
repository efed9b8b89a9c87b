"""Measures how long a server takes until it is ready."""

from pathlib import Path

from bench.figures import Sample
from bench.scale import Scale
from bench.server import serving


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    with serving(home, database) as server:
        first = server.ready_after
    with serving(home, database) as server:
        return {"start_first": first, "start_again": server.ready_after}
