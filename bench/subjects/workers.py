"""Measures a thousand workers on other machines: they wait, get an item each, and come back after a restart."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.fleet import RUNS, Tally, simulated
from bench.load import Place, answers
from bench.scale import Scale
from bench.server import Server, serving
from bench.subjects.latency import share_of
from bench.subjects.memory import resident

from bench import jobs, processors

# The server runs nothing itself, and takes that many connections of one address.
_FLAGS = (
    "--python-slots", "0", "--native-slots", "0", "--http-slots", "0",
    "--connections-per-address", "5000", "--silent-connections-per-address", "5000",
)  # fmt: skip
_SETTLED = 2.0
_AWAY = 3.0
_ENDS_WITHIN = 60.0
_LOOKS_EVERY = 0.01
_SINGLE = 10  # items that come one by one


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Returns the figures of one round."""
    return uvloop.run(_measured(home, database, scale))


async def _measured(home: Path, database: str | None, scale: Scale) -> Sample:
    with ExitStack() as first:
        server = first.enter_context(serving(home, database, flags=_FLAGS))
        place, before = server.place, resident(server.pid)
        async with simulated(Place(place.host, place.port, await _token(place)), scale.workers) as tally:
            await asyncio.sleep(_SETTLED)
            sample = {"workers_idle": await _share(server, scale.idle)}
            sample["workers_memory"] = resident(server.pid) - before
            sample |= await _single(place, tally)
            sample |= await _at_once(place, tally, scale.workers)
            await asyncio.to_thread(first.close)
            await asyncio.sleep(_AWAY)
            # Meanwhile nobody here runs. So whoever tries again within the start does so at its end, all at once.
            with serving(home, database, flags=(*_FLAGS, "--port", str(place.port))):
                tally.reset()
                began = time.perf_counter()
                await _until(lambda: len(tally.answered) == scale.workers, "every worker is back")
                return sample | {"workers_back": time.perf_counter() - began}


async def _token(place: Place) -> str:
    [answer] = await answers(place, [place.request("POST", "/api/v1/tokens", {"worker": {}})])
    token: str = answer["result"]["token"]
    return token


async def _share(server: Server, seconds: float) -> float:
    """Returns how much of a core the server uses during `seconds`, in percent."""
    before, began = processors.seconds_used(server.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    return (processors.seconds_used(server.pid) - before) / (time.perf_counter() - began) * 100


async def _single(place: Place, tally: Tally) -> Sample:
    """One item comes while all workers wait, and again."""
    waits, claims = list[float](), 0
    for _ in range(_SINGLE):
        began = await _come(place, tally, 1)
        await asyncio.sleep(_SETTLED / 4)
        waits.append((tally.leased_at[0] - began) * 1e3)
        claims += len(tally.claims)
    await asyncio.sleep(RUNS)
    return {"workers_single": share_of(sorted(waits), 0.5), "workers_single_claims": claims / _SINGLE}


async def _at_once(place: Place, tally: Tally, count: int) -> Sample:
    """As many items as workers come in one commit."""
    began = await _come(place, tally, count)
    claims = sorted(tally.claims)
    return {
        "workers_claim_p50": share_of(claims, 0.5),
        "workers_claim_p99": share_of(claims, 0.99),
        "workers_all": (tally.leased_at[-1] - began) * 1e3,
        "workers_claims": len(claims) / count,
    }


async def _come(place: Place, tally: Tally, count: int) -> float:
    """So many items have come, and all of them are leased. Returns when they were sent."""
    tally.reset()
    began = time.perf_counter()
    await answers(place, [place.request("POST", jobs.CREATE, jobs.creation(*[jobs.single(jobs.NOOP)] * count))])
    await _until(lambda: len(tally.leased_at) >= count, "every item is leased")
    return began


async def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _ENDS_WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"It did not happen in time that {what}.")
        await asyncio.sleep(_LOOKS_EVERY)
