"""The dispatcher: never more attempts than worker slots, the right order, and no forgotten lease."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from tests import make
from tests.runtime.floor import NOOP, Floor, one
from tests.runtime.memory_source import MemorySource
from tests.runtime.until import until

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import Lease
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.sqlite import SqliteDatabase
from enginehouse.storage.work import leases


@dataclass
class Desk:
    """A dispatcher whose attempts wait at a gate before they run."""

    floor: Floor
    capacity: Capacity
    largest: int = 256
    dispatcher: Dispatcher = field(init=False)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    started: list[Lease] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            self.floor.source, self.capacity, self._run, worker="test", largest=lambda: self.largest
        )

    async def _run(self, lease: Lease) -> None:
        self.started.append(lease)
        await self.gate.wait()
        await self.floor.runner.run(lease)


async def _leased(floor: Floor) -> int:
    return len(await floor.house.database.read(lambda tx: leases.all_leases(tx, limit=1000)))


@asynccontextmanager
async def desk(floor: Floor, worker_slots: int) -> AsyncIterator[Desk]:
    made = Desk(floor, Capacity({"native": worker_slots}))
    try:
        yield made
    finally:
        made.gate.set()
        await made.dispatcher.loop.stop()
        await made.capacity.drain(10)


async def _statuses(floor: Floor, ids: list[int]) -> list[str]:
    return [(await floor.job(job_id)).tasks[0].status.value for job_id in ids]


async def test_no_more_is_leased_than_there_are_free_slots(floor: Floor) -> None:
    await floor.create(*[one(NOOP)] * 10)
    async with desk(floor, 3) as at:
        assert await at.dispatcher.tick() == 0.0  # a full claim means that there may be more
        assert await at.dispatcher.tick() > 0
        await until(lambda: len(at.started) == 3, "the attempts have started")
        assert await _leased(floor) == 3


async def test_all_of_it_runs_with_fewer_slots_than_tasks(floor: Floor) -> None:
    ids = await floor.create(*[one(NOOP)] * 50)
    async with desk(floor, 3) as at:
        at.gate.set()
        most = 0

        async def all_done() -> bool:
            nonlocal most
            most = max(most, len(at.capacity.running))
            return set(await _statuses(floor, ids)) == {"complete"}

        at.dispatcher.loop.start()
        await until(all_done, "all jobs are complete")
        assert most <= 3
    assert len(at.started) == 50


async def test_a_claim_takes_a_portion_and_the_next_one_follows_at_once(floor: Floor) -> None:
    await floor.create(*[one(NOOP)] * 5)
    async with desk(floor, 10) as at:
        at.largest = 2
        leased = []
        for pauses in (False, False, True):
            assert (await at.dispatcher.tick() > 0) is pauses
            leased.append(await _leased(floor))
        assert leased == [2, 4, 5]


async def test_what_waits_says_queued_only_when_the_slots_are_full(floor: Floor) -> None:
    async with desk(floor, 2) as at:
        first = await floor.create(*[one(NOOP)] * 2)
        await at.dispatcher.tick()
        await at.dispatcher.tick()
        assert await _statuses(floor, first) == ["running", "running"]
        later = await floor.create(*[one(NOOP)] * 3)
        assert await _statuses(floor, later) == ["pending"] * 3
        at.dispatcher._marked_at.clear()
        await at.dispatcher.tick()
        assert await _statuses(floor, first + later) == ["running"] * 2 + ["queued"] * 3


async def test_waiting_work_is_marked_once_a_second_at_most(floor: Floor) -> None:
    async with desk(floor, 1) as at:
        await floor.create(one(NOOP))
        await at.dispatcher.tick()
        [later] = await floor.create(one(NOOP))
        at.dispatcher._marked_at["native"] = time.monotonic() + 3600
        await at.dispatcher.tick()
        assert await _statuses(floor, [later]) == ["pending"]
        at.dispatcher._marked_at["native"] -= 3601.5
        await at.dispatcher.tick()
        assert await _statuses(floor, [later]) == ["queued"]


async def test_a_full_pool_is_not_looked_at_when_it_has_new_work(floor: Floor) -> None:
    async with desk(floor, 1) as at:
        await floor.create(*[one(NOOP)] * 2)
        await at.dispatcher.tick()
        at.dispatcher._marked_at["native"] = time.monotonic() + 3600
        looked = list[str]()
        at.dispatcher.loop.wake = lambda: looked.append("woken")  # type: ignore[method-assign]
        at.dispatcher.wake({"native"})
        at.dispatcher.wake()
        assert looked == []
        at.dispatcher._marked_at["native"] -= 3602
        at.dispatcher.wake({"native"})  # that tasks wait may be shown again
        assert looked == ["woken"]


async def test_an_idle_pool_claims_what_it_is_told_of_before_it_looks_around(floor: Floor) -> None:
    async with desk(floor, 3) as at:
        await floor.create(one(NOOP))
        at.dispatcher.wake({"native"}, stored_here=True)
        assert await at.dispatcher.tick() == 0.0, "another lane may have items too"
        assert floor.source.called == ["claim"]
        await until(lambda: len(at.started) == 1, "it runs")
        await floor.create(one("scripted"))  # in a lane that no claim has read
        at.dispatcher.wake({"native"}, stored_here=True)
        await at.dispatcher.tick()
        assert floor.source.called[1:] == ["ready", "claim"], "it is not idle"
        await until(lambda: len(at.started) == 2, "the other one runs")


async def test_an_idle_pool_looks_first_when_another_server_has_told_it(floor: Floor) -> None:
    async with desk(floor, 3) as at:
        at.dispatcher.wake({"native"})
        await at.dispatcher.tick()
        assert floor.source.called == ["ready"], "the other server has mostly claimed it"


async def test_the_claim_of_an_idle_pool_shares_the_commit_of_what_is_created_for_it(floor: Floor) -> None:
    async with desk(floor, 1) as at:
        floor.house.listeners.coming = at.dispatcher.expect
        at.dispatcher.loop.start()
        await until(lambda: "ready" in floor.source.called, "it is idle")
        begun, free = threading.Event(), threading.Event()
        queue = cast("SqliteDatabase", floor.house.database)._writer._queue
        holding = asyncio.create_task(floor.house.database.write(partial(_hold, begun, free)))
        try:
            await until(begun.is_set, "the writer is busy")
            creating = asyncio.create_task(floor.create(one(NOOP)))
            await until(lambda: queue.qsize() == 2, "the create and a claim wait for the writer")
        finally:
            free.set()
        assert await _statuses(floor, await creating) == ["running"]
        await holding
        await until(lambda: len(at.started) == 1, "it runs")


async def _hold(begun: threading.Event, free: threading.Event, tx: Tx) -> None:
    begun.set()
    free.wait()


async def test_a_pool_that_has_claimed_what_it_expected_only_looks_around_when_it_is_stored(floor: Floor) -> None:
    async with desk(floor, 3) as at:
        at.dispatcher.expect({"native", "http"})
        await at.dispatcher.tick()
        assert floor.source.called == ["claim"]
        at.dispatcher.wake({"native"}, stored_here=True)
        await at.dispatcher.tick()
        assert floor.source.called == ["claim", "ready"]
        await floor.create(one(NOOP))
        at.dispatcher.wake({"native"}, stored_here=True)  # of which it was not told before
        await at.dispatcher.tick()
        assert floor.source.called == ["claim", "ready", "claim"]
        await until(lambda: len(at.started) == 1, "it runs")
        at.dispatcher._wanting.clear()
        at.dispatcher.expect({"native"})
        assert not at.dispatcher._wanting, "it is not idle"


async def test_a_claim_at_once_misses_no_other_lane(floor: Floor) -> None:
    async with desk(floor, 3) as at:
        await floor.create(one(NOOP))
        await at.dispatcher.tick()
        at.gate.set()
        await until(lambda: not at.capacity.running, "it has ended, and its lane is known")
        await floor.create(one("scripted"))
        at.dispatcher.wake({"native"}, stored_here=True)
        assert await at.dispatcher.tick() == 0.0
        await at.dispatcher.tick()
        await until(lambda: len(at.started) == 2, "the other one has started")


async def test_work_for_another_pool_wakes_nobody(floor: Floor) -> None:
    async with desk(floor, 1) as at:
        looked = list[str]()
        at.dispatcher.loop.wake = lambda: looked.append("woken")  # type: ignore[method-assign]
        at.dispatcher.wake({"python"})
        assert looked == []
        at.dispatcher.wake({"python", "native"})
        assert looked == ["woken"]


async def test_the_order_is_priority_then_due_time_then_age(floor: Floor) -> None:
    late = 4_000_000_000_000_000
    ids = await floor.create(
        one(NOOP, priority=5),
        one(NOOP, priority=0),
        one(NOOP, priority=0, due_at=late),
        one(NOOP, priority=-20_000),
        one(NOOP, priority=0, due_at=late - 1),
        one(NOOP, priority=0),
        one(NOOP, priority=5, due_at=1),
    )
    async with desk(floor, 1) as at:
        at.gate.set()
        at.dispatcher.loop.start()
        await until(lambda: len(at.started) == len(ids), "all have started")
    assert [ids.index(lease.key.job_id) for lease in at.started] == [3, 4, 2, 1, 5, 6, 0]


async def test_what_is_leased_while_the_loop_is_stopped_is_not_forgotten(floor: Floor) -> None:
    [job_id] = await floor.create(one(NOOP))
    async with desk(floor, 1) as at:
        at.gate.set()
        answer = floor.source.gates["claim"] = asyncio.Event()
        at.dispatcher.loop.start()
        await until(lambda: "claim" in floor.source.called, "the claim is under way")
        stopping = asyncio.create_task(at.dispatcher.loop.stop())
        await asyncio.sleep(0)
        answer.set()
        await stopping
        await at.capacity.drain(10)
    assert (await floor.job(job_id)).status == "complete"
    assert await _leased(floor) == 0


async def test_a_lease_counts_from_before_the_claim_was_answered(floor: Floor) -> None:
    await floor.create(one(NOOP))
    async with desk(floor, 1) as at:
        answer = floor.source.gates["claim"] = asyncio.Event()
        ticking = asyncio.create_task(at.dispatcher.tick())
        await until(lambda: "claim" in floor.source.called, "the claim is under way")
        before = time.monotonic()
        answer.set()
        await ticking
        [attempt] = at.capacity.running.values()
        assert attempt.lease_seen_at <= before


@pytest.mark.parametrize("pool", ["python", "http"])
async def test_work_of_another_pool_is_left_alone(floor: Floor, pool: str) -> None:
    await floor.create(one(NOOP))
    dispatcher = Dispatcher(floor.source, Capacity({pool: 5}), floor.runner.run, worker="test")
    assert await dispatcher.tick() > 0
    assert await _leased(floor) == 0


async def test_a_claim_that_fails_does_not_hide_that_the_loop_must_end() -> None:
    claimed, answer = asyncio.Event(), asyncio.Event()

    class Away(MemorySource):
        async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
            claimed.set()
            await answer.wait()
            raise Unavailable("away")

    source = Away(Path("unused"))
    source.add(make.independent(1))
    dispatcher = Dispatcher(source, Capacity({"native": 1}), never, worker="test")
    dispatcher.loop.start()
    await asyncio.wait_for(claimed.wait(), 10)
    stopping = asyncio.create_task(dispatcher.loop.stop())
    await asyncio.sleep(0)
    answer.set()
    await asyncio.wait_for(stopping, 10)


async def never(lease: Lease) -> None:
    raise AssertionError(lease)
