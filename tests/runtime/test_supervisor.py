"""A stop: nothing new begins, what can end ends, and the rest is given back and runs again."""

import asyncio
from typing import Any

from tests.runtime.floor import NOOP, Floor, one, until

from enginehouse.engine import Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.runtime.capacity import Slots
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.duties import Duty, loops
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.supervisor import Supervisor


def supervisor(floor: Floor, *, drain_seconds: float, duties: list[Duty] | None = None) -> Supervisor:
    slots = Slots({"native": 8})
    return Supervisor(
        dispatcher=Dispatcher(floor.source, slots, floor.runner.run, worker="test"),
        heartbeat=Heartbeat(floor.source, slots, lease_seconds=30),
        slots=slots,
        duties=loops(duties or []),
        drain_seconds=drain_seconds,
    )


async def test_attempts_that_end_in_time_are_complete_and_late_ones_run_again_charged_to_nobody(floor: Floor) -> None:
    gate, working = asyncio.Event(), asyncio.Semaphore(0)

    async def until_told(work: Work, context: NativeContext) -> list[Output]:
        working.release()
        if work.payload == "late":
            await asyncio.Event().wait()
        await gate.wait()
        return []

    floor.tell("told", until_told)
    first = supervisor(floor, drain_seconds=0.3)
    first.start()
    quick, late = await floor.create(one("told", payload="quick"), one("told", payload="late", max_retries=0))
    first.dispatcher.loop.wake()
    async with asyncio.timeout(10):
        await working.acquire()
        await working.acquire()
    asyncio.get_running_loop().call_later(0.02, gate.set)
    await first.stop()

    assert (await floor.job(quick)).status == "complete"
    assert [ended.outcome for ended in await floor.attempts(quick)] == ["complete"]
    assert [(ended.outcome, ended.failure_reason) for ended in await floor.attempts(late)] == [
        ("stopped", "server_stopped")
    ]
    floor.tell("told", _at_once)
    second = supervisor(floor, drain_seconds=0.3)
    second.start()

    async def complete() -> bool:
        return (await floor.job(late)).status == "complete"

    await until(complete, "the late one ran again")
    await second.stop()


async def test_nothing_begins_once_a_stop_has_begun(floor: Floor) -> None:
    held = supervisor(floor, drain_seconds=0.1)
    held.start()
    await held.stop()
    [job_id] = await floor.create(one(NOOP))
    held.dispatcher.loop.wake()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (await floor.job(job_id)).status == "pending"


async def test_leases_are_kept_while_attempts_are_drained(floor: Floor) -> None:
    order: list[Any] = []
    held = supervisor(floor, drain_seconds=5)

    async def slow(work: Work, context: NativeContext) -> list[Output]:
        working.set()
        await gate.wait()
        order.append(held.heartbeat.loop._task is not None)
        return []

    gate, working = asyncio.Event(), asyncio.Event()
    floor.tell("told", slow)
    held.start()
    await floor.create(one("told"))
    held.dispatcher.loop.wake()
    await asyncio.wait_for(working.wait(), 10)
    asyncio.get_running_loop().call_later(0.02, gate.set)
    await held.stop()
    assert order == [True]
    assert held.heartbeat.loop._task is None


async def test_duties_go_round_at_their_own_pace_and_at_once_while_there_is_more(floor: Floor) -> None:
    counts = {"more": 0, "idle": 0}

    async def more() -> bool:
        counts["more"] += 1
        return counts["more"] < 5

    async def idle() -> bool:
        counts["idle"] += 1
        return False

    held = supervisor(floor, drain_seconds=0, duties=[Duty("more", 3600, more), Duty("idle", 3600, idle)])
    held.start()
    await until(lambda: counts["more"] == 5, "as long as there was more")
    await held.stop()
    assert counts == {"more": 5, "idle": 1}


async def _at_once(work: Work, context: NativeContext) -> list[Output]:
    return []
