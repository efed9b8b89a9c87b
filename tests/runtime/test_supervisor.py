"""A stop: nothing new begins, attempts that can end do, and the rest is given back and runs again."""

import asyncio
from typing import Any

from tests.runtime.floor import NOOP, Floor, one
from tests.runtime.until import until

from enginehouse.engine import Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.supervisor import Supervisor
from enginehouse.server.duties import Duty


def supervisor(floor: Floor, *, drain_seconds: float, duties: list[Duty] | None = None) -> Supervisor:
    capacity = Capacity({"native": 8})
    return Supervisor(
        dispatcher=Dispatcher(floor.source, capacity, floor.runner.run, worker="test"),
        heartbeat=Heartbeat(floor.source, capacity, lease_seconds=30),
        capacity=capacity,
        duties=[duty.loop() for duty in duties or []],
        drain_seconds=drain_seconds,
    )


async def test_attempts_that_end_while_a_stop_waits_are_complete(floor: Floor) -> None:
    gate, working = asyncio.Event(), asyncio.Event()

    async def until_told(work: Work, context: NativeContext) -> list[Output]:
        working.set()
        await gate.wait()
        return []

    floor.script("scripted", until_told)
    server = supervisor(floor, drain_seconds=3600)
    server.start()
    [job_id] = await floor.create(one("scripted"))
    server.dispatcher.wake()
    await asyncio.wait_for(working.wait(), 10)
    asyncio.get_running_loop().call_later(0.02, gate.set)
    await server.stop()
    assert (await floor.job(job_id)).status == "complete"
    assert [ended.outcome for ended in await floor.attempts(job_id)] == ["complete"]


async def test_attempts_that_a_stop_does_not_wait_for_run_again_charged_to_nobody(floor: Floor) -> None:
    working = asyncio.Event()

    async def without_end(work: Work, context: NativeContext) -> list[Output]:
        working.set()
        await asyncio.Event().wait()
        return []

    floor.script("scripted", without_end)
    first = supervisor(floor, drain_seconds=0.1)
    first.start()
    [late] = await floor.create(one("scripted", max_retries=0))
    first.dispatcher.wake()
    await asyncio.wait_for(working.wait(), 10)
    await first.stop()
    assert [(ended.outcome, ended.failure_reason) for ended in await floor.attempts(late)] == [
        ("stopped", "server_stopped")
    ]
    floor.script("scripted", _at_once)
    second = supervisor(floor, drain_seconds=3600)
    second.start()

    async def complete() -> bool:
        return (await floor.job(late)).status == "complete"

    await until(complete, "the late one ran again")
    await second.stop()


async def test_nothing_begins_once_a_stop_has_begun(floor: Floor) -> None:
    server = supervisor(floor, drain_seconds=0.1)
    server.start()
    await server.stop()
    [job_id] = await floor.create(one(NOOP))
    server.dispatcher.wake()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (await floor.job(job_id)).status == "pending"


async def test_leases_are_kept_while_attempts_are_drained(floor: Floor) -> None:
    order: list[Any] = []
    server = supervisor(floor, drain_seconds=3600)

    async def slow(work: Work, context: NativeContext) -> list[Output]:
        working.set()
        await gate.wait()
        order.append(server.heartbeat.loop._task is not None)
        return []

    gate, working = asyncio.Event(), asyncio.Event()
    floor.script("scripted", slow)
    server.start()
    await floor.create(one("scripted"))
    server.dispatcher.wake()
    await asyncio.wait_for(working.wait(), 10)
    asyncio.get_running_loop().call_later(0.02, gate.set)
    await server.stop()
    assert order == [True]
    assert server.heartbeat.loop._task is None


async def test_duties_go_round_at_their_own_pace_and_at_once_while_there_is_more(floor: Floor) -> None:
    counts = {"more": 0, "idle": 0}

    async def more() -> bool:
        counts["more"] += 1
        return counts["more"] < 5

    async def idle() -> bool:
        counts["idle"] += 1
        return False

    server = supervisor(floor, drain_seconds=0, duties=[Duty("more", 3600, more), Duty("idle", 3600, idle)])
    server.start()
    await until(lambda: counts["more"] == 5, "as long as there was more")
    await server.stop()
    assert counts == {"more": 5, "idle": 1}


async def _at_once(work: Work, context: NativeContext) -> list[Output]:
    return []
