"""What clients call, timed on servers with different numbers of stored jobs, which take turns."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import cycle, product
from typing import Any, Final

from bench.growth import verbs
from bench.growth.lists import Read, lists
from bench.growth.rows import REFUSED
from bench.growth.stored import Stored, served
from bench.growth.verbs import Waits
from bench.load import Place, RefusedError, drive
from bench.progress import line
from bench.subjects.memory import resident

from bench import jobs
from enginehouse.domain.ids import job_uuid

ROUNDS: Final = 3
CALLS: Final = 4  # in each round
LONGEST: Final = 0.5  # seconds after which a round has no further calls
STARTS: Final = 3
CREATES: Final = 60
SAID: Final = 50  # lists, after which it says how far it is

Rows = dict[str, int]


async def measure(found: Sequence[Stored], only: Sequence[str] | None) -> tuple[list[Waits], list[Rows]]:
    """Returns the milliseconds of each call on each server, and how many rows it returns.

    Of the lists only those with one of the words `only` in their titles are read, without it all.
    """
    waits: list[Waits] = [defaultdict(list) for _ in found]
    rows: list[Rows] = [{} for _ in found]
    for number in range(STARTS):
        for one, kept in zip(found, waits, strict=True):
            with one.serving(f"start-{number}") as server:
                kept["start of the server"].append(server.ready_after * 1e3)
    with served(found) as servers:
        places = [server.place for server in servers]
        for round_ in range(ROUNDS):
            for name, make in (("create of a job of 5 tasks", _creations), ("status of a job", _statuses)):
                for one, place, kept in zip(found, places, waits, strict=True):
                    load = await drive(place, make(one, place, round_), clients=1)
                    kept[name] += [wait * 1e3 for wait in load.waits]
        each = (lists(one, place) for one, place in zip(found, places, strict=True))
        for number, reads in enumerate(zip(*each, strict=True)):
            if number % SAID == 0:
                line(f"list {number}: {reads[0].title}")
            if only is None or any(words in reads[0].title for words in only):
                await _take_turns(places, reads, waits, rows)
        for server, kept in zip(servers, waits, strict=True):
            kept["memory of the server"].append(resident(server.pid))
    return waits, rows


async def _take_turns(places: Sequence[Place], reads: Sequence[Read], waits: list[Waits], rows: list[Rows]) -> None:
    open_ = set(range(len(places)))  # the servers that have answered so far
    for round_, number in product(range(1 + ROUNDS), range(len(places))):
        read, bodies = reads[number], list[bytes]()
        if number not in open_:
            continue
        try:
            load = await drive(
                places[number], _some(read.request) if round_ else [read.request], clients=1, keep=bodies
            )
        except RefusedError:  # it takes longer than a statement may
            open_.remove(number)
            waits[number][read.title] = [REFUSED]
            continue
        if round_:
            waits[number][read.title] += [wait * 1e3 for wait in load.waits]
        else:  # it warms up
            rows[number][read.title] = len(_rows(json.loads(bodies[0]), read.path))


def _rows(found: Any, path: Sequence[str]) -> Any:
    for name in path:
        found = found[name]
    return found


def _some(request: bytes) -> Iterator[bytes]:
    """Yields the request a few times, at least once."""
    end = time.perf_counter() + LONGEST
    for number in range(CALLS):
        if number and time.perf_counter() > end:
            return
        yield request


def _creations(one: Stored, place: Place, round_: int) -> list[bytes]:
    return [place.request("POST", jobs.CREATE, jobs.creation(jobs.waiting()))] * CREATES


def _statuses(one: Stored, place: Place, round_: int) -> Iterator[bytes]:
    gone = verbs.OLD * verbs.TURNS  # by retention
    apart = max(1, (one.ended.count - gone) // (CREATES * ROUNDS))
    numbers = range(gone + round_ * apart, one.ended.count, apart * ROUNDS)
    for number, _ in zip(cycle(numbers), range(CREATES), strict=False):
        yield place.request("GET", f"/edge/v1/proc/job/{job_uuid(one.ended.job_id(number))}/status")
