"""What changes jobs, timed in this process beside different numbers of stored jobs, which take turns."""

import functools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

from bench.growth.stored import Stored
from tests import make
from tests.chaos import ledger
from tests.chaos.ledger import Spec

from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.timing import Rules
from enginehouse.domain.times import SECOND
from enginehouse.domain.work import Done, Report
from enginehouse.operations import bulk_cancels, jobs, maintenance, work
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing
from enginehouse.operations.schedules.firing import JobCache

TURNS: Final = 20
RANGE: Final = 2  # jobs that a bulk cancel covers
OLD: Final = 2  # jobs that a step of retention deletes
_DAY: Final = 86_400
_CALLER: Final = make.principal()

Verb = Callable[[], Awaitable[Any]]
Waits = dict[str, list[float]]


async def measure(found: Sequence[Stored]) -> list[Waits]:
    """Returns the milliseconds of each verb on each database. None of them may have a server now."""
    waits: list[Waits] = [defaultdict(list) for _ in found]
    async with AsyncExitStack() as open_:
        houses = [await open_.enter_async_context(one.house()) for one in found]
        caches = [JobCache() for _ in found]
        for house in houses:
            await _schedules(house)
        for turn in range(TURNS):
            for one, house, cache, kept in zip(found, houses, caches, waits, strict=True):
                async for name, verb in _turn(one, house, cache, turn):
                    began = time.perf_counter()
                    await verb()
                    kept[name].append((time.perf_counter() - began) * 1e3)
    return waits


async def _turn(one: Stored, house: House, cache: JobCache, turn: int) -> AsyncIterator[tuple[str, Verb]]:
    """Yields what is done in a turn, to jobs that no other turn has."""
    leases = list[Any]()

    async def claim() -> None:
        leases[:] = await work.claim(house, pool="python", limit=1, worker="growth")

    yield "claim of an item", claim
    reports = [Report(lease.key, lease.token, Done()) for lease in leases]
    if not reports:
        raise RuntimeError("nothing could be claimed")
    yield "finish of an attempt", functools.partial(work.finish, house, reports[0])

    last = Ref.of(one.waiting.job_id(one.waiting.count - 1 - turn))
    yield "cancel of a job", functools.partial(jobs.cancel, house, _CALLER, last)

    first = one.waiting.count * 3 // 10 + turn * RANGE
    begin, end = one.waiting.at(first), one.waiting.at(first + RANGE - 1)
    in_range = functools.partial(bulk_cancels.cancel, house, _CALLER, created_from=begin, created_to=end)
    yield "cancel of a range of 2 jobs", in_range
    yield "… until its rows say so", functools.partial(_apply, house)

    yield "firing of a schedule", functools.partial(_fire, house, cache)
    yield "retention of 2 jobs", functools.partial(_prune, house)


async def _apply(house: House) -> None:
    while await bulk_cancels.apply(house):
        pass


async def _schedules(house: House) -> None:
    """As many schedules as turns are due."""
    now = int(time.time()) * SECOND
    due = [Spec(_DAY, Rules(), now - (_DAY + 60 + n) * SECOND, now - 600 * SECOND) for n in range(TURNS)]
    await ledger.store(house.database, _CALLER.organization_id, due)


async def _fire(house: House, cache: JobCache) -> None:
    fired, _ = await firing.fire_due(house, cache, limit=1)
    if not fired.looked_at:
        raise RuntimeError("no schedule was due")


async def _prune(house: House) -> None:
    keeping = replace(house, limits=replace(house.limits, retention_seconds=30 * _DAY))
    if not await maintenance.prune(keeping, now=time.time_ns() // 1000, limit=OLD):
        raise RuntimeError("no job was old enough")
