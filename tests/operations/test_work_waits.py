"""Workers that wait: as many are told as there are items, in the order of their arrival, and no item is forgotten."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from tests import make
from tests.operations.remote import Remote
from tests.operations.scheduled import furnish
from tests.postgres import FSYNC
from tests.runtime.until import until

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.instance import Instance, RegisteredInstance
from enginehouse.domain.quotas import Lane
from enginehouse.domain.resources import Resources, Room
from enginehouse.operations import batches, engines, exchange, jobs
from enginehouse.operations.house import House
from enginehouse.operations.instance_states import InstanceState
from enginehouse.operations.work_waits import LOCKED, MOST_TOLD, PROMISED, SILENT, WorkWaits
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.work.lanes import Queue

CALLER = make.principal()
NOOP = Lane(1, "noop")


class Shelf:
    """Items of the pool `native` that may start, and the workers that wait for them. The test moves the clock."""

    def __init__(self) -> None:
        self.items = Counter[Lane]()
        self.looks, self.now = 0, 0.0
        self.drained = set[str]()
        self.is_away = False
        self.gate: asyncio.Event | None = None
        self.waits = WorkWaits(self.look, self.drained.__contains__, clock=lambda: self.now)

    async def look(self, pools: Sequence[str]) -> list[tuple[str, Lane, int]]:
        self.looks += 1
        found = [("native", lane, count) for lane, count in self.items.items() if "native" in pools]
        if self.gate is not None:
            await self.gate.wait()
        if self.is_away:
            raise Unavailable("away")
        return found

    async def put(self, count: int = 1, lane: Lane = NOOP) -> None:
        """Items have come, and whoever is told knows it."""
        self.items[lane] += count
        self.waits.ring()
        await settled()

    async def after(self, seconds: float) -> None:
        """The time has passed."""
        self.now += seconds
        self.waits.ring()
        await settled()

    async def claim(self, name: str, *, takes: bool = True, lane: Lane = NOOP) -> None:
        """The worker has claimed, and has got an item of the lane unless it `takes` none."""
        self.items[lane] -= takes
        self.waits.claimed(worker(name), "native", has_work=takes)
        await settled()


class Told:
    """The names of the workers that were told of an item, in their order."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.names = list[str]()
        self.waiting = dict[str, asyncio.Task[None]]()

    async def arrive(self, *names: str, **wants: Any) -> None:
        for name in names:
            self.waiting[name] = asyncio.create_task(self._wait(worker(name, **wants)))
            await settled()

    async def _wait(self, state: InstanceState) -> None:
        pools, _ = await self.shelf.waits.wait(state, ["native"], 1000)
        self.names += [state.instance.id] if pools else []


def worker(
    name: str,
    *,
    engines: Sequence[str] = ("noop",),
    owners: frozenset[int] | None = None,
    room: Room | None = None,
) -> InstanceState:
    instance = Instance(
        name, f"remote/{name}:1", "token", RegisteredInstance(pools={"native": 1}, engines=tuple(engines))
    )
    return InstanceState(instance, frozenset(engines), owners, {"native": Queue(room=room)})


async def settled() -> None:
    """Every task has done what it could without the clock."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    yield shelf
    await shelf.waits.close()


@pytest.fixture
def told(shelf: Shelf) -> Told:
    return Told(shelf)


async def test_as_many_are_told_as_there_are_items_and_first_who_waits_longest(shelf: Shelf, told: Told) -> None:
    await told.arrive("a", engines=["noop", "read"])
    await told.arrive("b")
    await told.arrive("c", engines=["noop", "read"])
    await told.arrive("d")
    await shelf.put()
    assert told.names == ["a"]
    await shelf.put(2)
    assert told.names == ["a", "b", "c"], "the first item is promised to the first"
    assert shelf.waits.waiting == 1


async def test_an_item_is_promised_until_its_worker_has_claimed(shelf: Shelf, told: Told) -> None:
    await told.arrive("a", "b", "c")
    await shelf.put()
    await shelf.after(PROMISED / 2)
    assert told.names == ["a"]
    await shelf.claim("a", takes=False)
    assert told.names == ["a"], "another transaction holds the item"
    await shelf.after(LOCKED)
    assert told.names == ["a", "b"], "and does not any more"
    await shelf.claim("b")
    await shelf.after(1)
    assert told.names == ["a", "b"]


async def test_one_that_does_not_claim_holds_nobody_up(shelf: Shelf, told: Told) -> None:
    await told.arrive("gone", "b", "c")
    await shelf.put()
    await shelf.after(PROMISED)
    assert told.names == ["gone", "b"]
    await told.arrive("gone")
    await shelf.claim("b")
    assert told.names == ["gone", "b"], "nothing is left for those that wait"


async def test_no_more_are_told_at_a_time_than_can_claim(shelf: Shelf, told: Told) -> None:
    names = [f"w{number:03d}" for number in range(3 * MOST_TOLD)]
    await told.arrive(*names)
    await shelf.put(len(names))
    assert told.names == names[:MOST_TOLD]
    await shelf.after(PROMISED)
    assert len(told.names) == MOST_TOLD, "more claims would only make those slower"
    for name in names:
        await shelf.claim(name)
    assert told.names == names
    await shelf.after(0)
    assert shelf.items[NOOP] == 0


async def test_those_that_were_told_and_are_gone_are_forgotten(shelf: Shelf, told: Told) -> None:
    names = [f"w{number:03d}" for number in range(MOST_TOLD + 1)]
    await told.arrive(*names)
    await shelf.put(len(names))
    await shelf.after(SILENT)
    assert told.names == names


async def test_nobody_is_told_of_what_it_does_not_take(shelf: Shelf, told: Told) -> None:
    shelf.drained.add("remote/drained:1")
    narrow = Room(Resources(gpus=1), {"noop": Resources(gpus=2)})
    await told.arrive("drained")
    await told.arrive("narrow", room=narrow)
    await told.arrive("other", owners=frozenset({2}))
    await told.arrive("stranger", engines=["read"])
    await shelf.put(9)
    assert told.names == []
    await told.arrive("fits")
    assert told.names == ["fits"]
    await shelf.put(lane=Lane(2, "read"))
    assert told.names == ["fits", "stranger"]
    await shelf.put(lane=Lane(2, "noop"))
    assert told.names == ["fits", "stranger", "other"]
    shelf.drained.clear()
    await shelf.after(0)
    assert told.names[-1] == "drained"


async def test_a_long_lane_does_not_keep_the_worker_of_another_one_waiting(shelf: Shelf, told: Told) -> None:
    names = [f"w{number:03d}" for number in range(2 * MOST_TOLD)]
    await told.arrive(*names)
    await told.arrive("reader", engines=["read"])
    shelf.items[Lane(1, "read")] = 1
    await shelf.put(1000)
    assert "reader" in told.names


async def test_what_comes_during_a_look_is_not_missed(shelf: Shelf, told: Told) -> None:
    await told.arrive("a")
    shelf.gate = asyncio.Event()
    shelf.waits.ring()
    await settled()
    shelf.items[NOOP] += 1  # the look has read before
    shelf.waits.ring()
    gate, shelf.gate = shelf.gate, None
    gate.set()
    await settled()
    assert told.names == ["a"]


async def test_those_that_arrive_share_a_look(shelf: Shelf, told: Told) -> None:
    await told.arrive("a")
    before = shelf.looks
    await told.arrive(*(f"w{number}" for number in range(50)))
    assert shelf.looks == before
    shelf.items[NOOP] = 1
    await shelf.after(0)
    await told.arrive("b")
    assert told.names == ["a"]


async def test_a_worker_that_waits_again_or_leaves_is_told_nothing_twice(shelf: Shelf, told: Told) -> None:
    await told.arrive("a", "b")
    first = told.waiting["a"]
    await told.arrive("a")
    assert first.done(), "its former request has ended"
    told.waiting["b"].cancel()
    await settled()
    assert shelf.waits.waiting == 1
    await shelf.put(2)
    assert told.names == ["a"]
    await told.arrive("a")
    assert told.names == ["a", "a"], "what it did not hear of is still there for it"


async def test_while_the_storage_is_away_nobody_is_sent_home(shelf: Shelf, told: Told) -> None:
    await told.arrive("a")
    shelf.is_away = True
    await shelf.put()
    with pytest.raises(Unavailable):
        await shelf.waits.wait(worker("b"), ["native"], 0)
    assert told.names == []
    shelf.is_away = False
    await shelf.after(0)
    assert told.names == ["a"]


async def test_the_wait_ends_in_time_and_with_the_server(shelf: Shelf, told: Told) -> None:
    assert await shelf.waits.wait(worker("a"), ["native"], 0) == ([], False)
    stopped = worker("b")
    stopped.stop_due = True
    assert await shelf.waits.wait(stopped, ["native"], 1000) == ([], True)
    waiting = asyncio.create_task(shelf.waits.wait(stopped, ["native"], 1000))
    await settled()
    stopped.stop_due = True
    shelf.waits.stop()
    assert await waiting == ([], True)
    await told.arrive("a")
    await shelf.waits.close()
    await asyncio.wait_for(told.waiting["a"], 10)
    assert await shelf.waits.wait(stopped, ["native"], 1000) == ([], False)


@pytest.mark.parametrize("seed", range(20))
async def test_every_item_finds_a_worker_whatever_comes_between(seed: int) -> None:
    """Workers come, wait, take one item or miss it, leave and come again; items come at any time."""
    shelf = Shelf()
    shelf.waits = WorkWaits(shelf.look, shelf.drained.__contains__)  # on the real clock
    chance, lanes, taken, empty = random.Random(seed), [NOOP, Lane(2, "noop"), Lane(2, "read")], 0, 0

    async def live(name: str) -> None:
        nonlocal taken, empty
        state = worker(name, engines=["noop", "read"] if chance.random() < 0.7 else ["noop"])
        while True:
            pools, _ = await shelf.waits.wait(state, ["native"], chance.choice([0.001, 1000]))
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            if not pools or chance.random() < 0.1:
                continue  # the answer was lost
            found = [lane for lane in lanes if shelf.items[lane] > 0 and lane.engine_id in state.offers]
            if found:
                shelf.items[chance.choice(found)] -= 1
            taken, empty = taken + bool(found), empty + (not found)
            shelf.waits.claimed(state, "native", has_work=bool(found))

    running = [asyncio.create_task(live(f"w{number}")) for number in range(12)]
    count = 300
    for _ in range(count):
        shelf.items[chance.choice(lanes)] += 1
        shelf.waits.ring()
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    await until(lambda: taken == count, "every item was taken")
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert empty < count / 2, "hardly anybody was told in vain"


# -- with a real house ------------------------------------------------------------------------------------------------


async def test_a_few_items_cost_as_many_claims_among_many_workers(ready: House) -> None:
    """Counted on both databases. The clock is slow, so that a slow test machine makes nobody late.

    On PostgreSQL a claim may find its item held by another one, and another claim follows.
    """
    waits = WorkWaits(
        partial(batches.startable, ready.database), lambda seat: False, clock=lambda: time.monotonic() / 20
    )
    object.__setattr__(ready, "work_waits", waits)
    remotes = [await Remote.arrive(ready) for _ in range(12)]
    claims, leased = 0, list[str]()

    async def live(remote: Remote) -> None:
        nonlocal claims
        while True:
            pools, _ = await exchange.wait(ready, remote.who, remote.id, ["native"], 20)
            if pools:
                claims += 1
                leased.extend(lease.engine_id for lease in await remote.takes(1))

    running = [asyncio.create_task(live(remote)) for remote in remotes]
    await until(lambda: waits.waiting == len(remotes), "all wait")
    for total, count in ((1, 1), (6, 5), (18, 12)):
        await jobs.create(ready, CALLER, [make.independent(1)] * count)
        ready.wake_instances()
        await until(partial(_all_are_back, leased, total, waits, len(remotes)), f"all {count} are leased")
    assert 18 <= claims <= 24
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    await waits.close()


def _all_are_back(leased: Sequence[object], total: int, waits: WorkWaits, workers: int) -> bool:
    return len(leased) == total and waits.waiting == workers


@pytest.fixture
async def servers(postgres_database: Database, postgres_dsn: str, store: DiskStore) -> AsyncIterator[list[House]]:
    """Two servers on one PostgreSQL."""
    first = await furnish(House.build(postgres_database, store))
    other = await PostgresDatabase.open(postgres_dsn, writers=2, readers=2, allow_unsafe_durability=FSYNC == "off")
    second = House.build(other, store)
    await engines.refresh(second)
    yield [first, second]
    for house in (first, second):
        await house.work_waits.close()
    await other.close()


async def test_two_servers_tell_their_workers_and_no_item_is_left(servers: list[House]) -> None:
    ready, second = servers
    remotes = [await Remote.arrive(ready) for _ in range(4)]
    there = [Remote(second, one.who, one.id) for one in remotes[2:]]
    everybody, leased = [*remotes[:2], *there], list[object]()

    async def live(remote: Remote) -> None:
        while True:
            pools, _ = await exchange.wait(remote.house, remote.who, remote.id, ["native"], 20)
            if pools:
                leased.extend(lease.key for lease in await remote.takes(1))

    running = [asyncio.create_task(live(remote)) for remote in everybody]
    for total, count in ((1, 1), (4, 3), (8, 4), (17, 9)):
        await jobs.create(ready, CALLER, [make.independent(1)] * count)
        for house in servers:
            house.wake_instances()  # as a notification does
        await until(partial(_all_are_leased, leased, total), f"all {count} are leased")
    assert len(set(leased)) == 17
    for task in running:
        task.cancel()
    await asyncio.wait(running)


def _all_are_leased(leased: Sequence[object], total: int) -> bool:
    return len(leased) == total


async def test_claims_that_come_together_share_the_items(ready: House) -> None:
    remotes = [await Remote.arrive(ready) for _ in range(5)]
    await jobs.create(ready, CALLER, [make.independent(1)] * 5)
    dealt = await asyncio.gather(*(remote.takes(4) for remote in remotes))
    assert sum(map(len, dealt)) == 5
    assert sorted(map(len, dealt)) in ([0, 0, 0, 1, 4], [1, 1, 1, 1, 1]), "the first may be alone, the others share"
