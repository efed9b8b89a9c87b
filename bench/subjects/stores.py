"""Measures how long the stores of artifacts take to put and to read bytes: a disk, and a bucket on the same machine."""

import os
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.figures import Sample
from bench.scale import Scale
from tests import object_store

from enginehouse.artifacts.place import open_store
from enginehouse.artifacts.store import ArtifactStore

SMALL, LARGE = 4 << 10, 64 << 20
SMALL_ONES, LARGE_ONES = 200, 3
BLOCK = 1 << 20


async def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Returns the medians for both. The database plays no part in it."""
    disk = await _measured("disk", open_store(str(home / "store"), home / "local"))
    with object_store.started() as running:
        os.environ.update(running.environment())
        bucket = await _measured("s3", open_store(running.place(), home / "local"))
    return disk | bucket


async def _measured(name: str, store: ArtifactStore) -> Sample:
    small = os.urandom(SMALL)
    times: dict[str, list[float]] = {"put_small": [], "get_small": [], "put_large": [], "get_large": []}
    for number in range(SMALL_ONES):
        start = time.perf_counter()
        await store.put(f"small/{number}", small)
        middle = time.perf_counter()
        await store.read(f"small/{number}")
        times["put_small"].append(middle - start)
        times["get_small"].append(time.perf_counter() - middle)
    for number in range(LARGE_ONES):
        start = time.perf_counter()
        await store.put(f"large/{number}", _blocks(os.urandom(BLOCK)))
        middle = time.perf_counter()
        async for _ in store.stream(f"large/{number}"):
            pass
        times["put_large"].append(middle - start)
        times["get_large"].append(time.perf_counter() - middle)
        await store.delete([f"large/{number}"])
    return {f"stores_{key}_{name}": statistics.median(values) * 1000 for key, values in times.items()}


async def _blocks(block: bytes) -> AsyncIterator[bytes]:
    for _ in range(LARGE // BLOCK):
        yield block
