"""Measures the resident memory of the processes of an idle server."""

import asyncio
from pathlib import Path

from bench.figures import Sample
from bench.load import answers
from bench.scale import Scale
from bench.server import Server

from bench import jobs

SETTLED = 1.0


async def measure(server: Server, scale: Scale) -> Sample:
    await asyncio.sleep(SETTLED)
    [keeper] = _children(server.pid)
    sample = {"memory_server": resident(server.pid), "memory_keeper": resident(keeper)}
    place = server.place
    await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.single(jobs.PYTHON_NOOP)))])
    await asyncio.sleep(SETTLED)
    child, *_ = _children(keeper)
    return sample | {"memory_child": resident(child)}


def _children(pid: int) -> list[int]:
    """Returns the processes whose parent is `pid`, oldest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The command in brackets may contain spaces. The parent is the second field after it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except FileNotFoundError:
            continue
    return sorted(found)


def resident(pid: int) -> float:
    """Returns the resident memory of the process in MB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6
