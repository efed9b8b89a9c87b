"""The worker slots: which attempts take them, which are stopped, and what a drain waits for."""

import asyncio

import pytest
from tests.runtime.attempts import Work, lease, settle

from enginehouse.domain.resources import Resources
from enginehouse.domain.work import ItemKey
from enginehouse.runtime.capacity import Capacity


async def test_a_slot_is_taken_until_the_attempt_has_ended() -> None:
    capacity, work, freed = Capacity({"native": 2, "python": 1}), Work(), asyncio.Event()
    capacity.on_free = lambda pool: freed.set()
    capacity.start(lease(1), "native", work.run(), now=0)
    assert (capacity.free("native"), capacity.free("python"), capacity.free("http")) == (1, 1, 0)
    work.gate.set()
    await asyncio.wait_for(freed.wait(), 10)
    assert capacity.free("native") == 2
    assert capacity.running == {}


async def test_a_slot_is_free_before_the_report_and_what_waits_looks_again_after_it() -> None:
    capacity, work, freed = Capacity({"native": 1}), Work(), list[int]()
    capacity.on_free = lambda pool: freed.append(capacity.free(pool))
    capacity.start(lease(1), "native", work.run(), now=0)
    [lease_id] = capacity.running
    capacity.release(lease_id)
    capacity.release(lease_id)
    assert (freed, capacity.free("native"), list(capacity.running)) == ([1], 1, [lease_id])
    work.gate.set()
    await asyncio.wait([capacity.running[lease_id].task])
    await settle()
    # Until the report, its job was locked. Without a second call, a claim that found only that job would sleep.
    assert (freed, capacity.free("native"), capacity.running) == ([1, 1], 1, {})


async def test_a_slot_is_free_again_after_an_attempt_that_raised() -> None:
    async def fails() -> None:
        raise ValueError

    capacity = Capacity({"native": 1})
    capacity.start(lease(1), "native", fails(), now=0)
    [attempt] = capacity.running.values()
    with pytest.raises(ValueError):
        await attempt.task
    await settle()
    assert capacity.free("native") == 1


async def test_a_stop_reaches_exactly_the_attempts_named() -> None:
    capacity, works = Capacity({"native": 3}), [Work() for _ in range(3)]
    for number, work in enumerate(works):
        capacity.start(lease(number), "native", work.run(), now=0)
    await settle()
    capacity.stop([(ItemKey(0, 0, 0), 1), (ItemKey(1, 0, 0), 99), (ItemKey(7, 0, 0), 1)])  # the second: wrong token
    await settle()
    assert [work.cancels for work in works] == [1, 0, 0]
    capacity.stop_jobs([2, 7])
    await settle()
    assert [work.cancels for work in works] == [1, 0, 1]
    assert [lease_id[0].job_id for lease_id in capacity.running] == [1]
    await capacity.drain(0)


async def test_an_attempt_is_stopped_once() -> None:
    capacity, work = Capacity({"native": 1}), Work()
    capacity.start(lease(1), "native", work.stubborn(), now=0)
    await settle()
    for _ in range(3):
        capacity.stop(list(capacity.running))
        await settle()
    cancels = work.cancels
    work.gate.set()
    await capacity.drain(10)
    assert cancels == 1


async def test_a_drain_lets_attempts_end_and_cancels_the_late_ones() -> None:
    capacity, quick, late = Capacity({"native": 2}), Work(), Work()
    capacity.start(lease(1), "native", quick.run(), now=0)
    capacity.start(lease(2), "native", late.run(), now=0)
    asyncio.get_running_loop().call_soon(quick.gate.set)
    await capacity.drain(0.2)
    assert (quick.cancels, late.cancels) == (0, 1)
    assert capacity.running == {}


async def test_a_drain_does_not_wait_when_nothing_runs() -> None:
    await asyncio.wait_for(Capacity({"native": 1}).drain(3600), 10)


async def test_a_pool_has_as_many_slots_as_what_is_behind_it_can_run() -> None:
    capacity, freed = Capacity({"native": 2, "python": 8}, needs=lambda engine_id: Resources(gpus=1)), list[str]()
    capacity.on_free = freed.append
    capacity.fit("python", 2, Resources(gpus=4))
    assert (capacity.free("python"), capacity.free("native"), capacity.pools["python"]) == (2, 2, 8)
    assert freed == ["python"]
    work = Work()
    capacity.start(lease(1), "python", work.run(), now=0)
    assert (capacity.free("python"), capacity.free_resources()) == (1, Resources(gpus=3))
    capacity.fit("python", 0, Resources())
    assert capacity.free("python") == 0
    work.gate.set()
    await asyncio.wait([each.task for each in capacity.running.values()])
