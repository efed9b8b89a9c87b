"""Measures the resident memory of the processes of a server: idle, and after many jobs."""

import asyncio
from pathlib import Path

from bench.figures import Sample
from bench.load import answers
from bench.scale import Scale
from bench.server import Server
from bench.subjects.tasks import until_complete

from bench import jobs

SETTLED = 1.0
BATCH = 1000
PARTS = 10  # the server finishes each part before the next, so that no backlog is measured


async def measure(server: Server, scale: Scale) -> Sample:
    await asyncio.sleep(SETTLED)
    [keeper] = _children(server.pid)
    sample = {"memory_server": resident(server.pid), "memory_keeper": resident(keeper)}
    place = server.place
    await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(jobs.single(jobs.PYTHON_NOOP)))])
    await asyncio.sleep(SETTLED)
    child, *_ = _children(keeper)
    sample["memory_child"] = sum(map(resident, _family(child)))
    request = place.request("POST", jobs.CREATE, jobs.creation(*[jobs.single(jobs.NOOP)] * BATCH))
    for part in range(1, PARTS + 1):
        for _ in range(scale.completed // (BATCH * PARTS)):
            await answers(place, [request])
        await until_complete(place, 1 + part * scale.completed // PARTS)
    return sample | {"memory_after": resident(server.pid)}


def _children(pid: int) -> list[int]:
    """Returns the processes whose parent is `pid`, oldest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The command in brackets may contain spaces. The parent is the second field after it.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
    return sorted(found)


def _family(pid: int) -> list[int]:
    """Returns the process and everything below it: in a sandbox the engine is not the keeper's own child."""
    return [pid, *(one for child in _children(pid) for one in _family(child))]


def resident(pid: int) -> float:
    """Returns the resident memory of the process in MB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6
