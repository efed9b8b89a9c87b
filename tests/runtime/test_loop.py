"""The loop: a wake-up is never lost, an error does not end it, a stop does."""

import asyncio

from structlog.testing import capture_logs
from tests.runtime.floor import DownError

from enginehouse.runtime.loop import Loop

LONG = 3600.0
SOON = 10.0


class Ticks:
    """Counts ticks and follows the script in each. Afterwards it sleeps for a long time."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.count = 0
        self.loop = Loop("test", self.tick)
        self._ticked = asyncio.Event()

    async def tick(self) -> float:
        self.count += 1
        self._ticked.set()
        step = self.script.pop(0) if self.script else LONG
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step = await step()
        assert isinstance(step, float)
        return step

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while self.count < count:
                self._ticked.clear()
                await self._ticked.wait()


async def test_a_wake_up_cuts_the_sleep_short() -> None:
    ticks = Ticks()
    ticks.loop.start()
    await ticks.reach(1)
    ticks.loop.wake()
    await ticks.reach(2)
    await ticks.loop.stop()


async def test_a_wake_up_during_a_tick_is_not_lost() -> None:
    gate = asyncio.Event()

    async def slow() -> float:
        await gate.wait()
        return LONG

    ticks = Ticks(slow)
    ticks.loop.start()
    await ticks.reach(1)
    ticks.loop.wake()
    gate.set()
    await ticks.reach(2)
    await ticks.loop.stop()


async def test_a_wake_up_before_the_sleep_counts_once() -> None:
    ticks = Ticks()
    ticks.loop.start()
    await ticks.reach(1)
    for _ in range(3):
        ticks.loop.wake()
    await ticks.reach(2)
    for _ in range(20):
        await asyncio.sleep(0)
    assert ticks.count == 2
    await ticks.loop.stop()


async def test_a_delay_of_nothing_lets_others_run() -> None:
    ticks = Ticks(*[0.0] * 1000)
    ticks.loop.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 1 <= ticks.count < 5
    await ticks.reach(1001)
    await ticks.loop.stop()


async def test_trouble_in_a_tick_is_logged_and_the_next_one_comes() -> None:
    ticks = Ticks(ValueError("a bug"), DownError())
    with capture_logs() as logged:
        ticks.loop.start()
        for count in (1, 2):
            await ticks.reach(count)
            ticks.loop.wake()
        await ticks.reach(3)
    await ticks.loop.stop()
    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("a tick failed", "error"),
        ("storage is not reachable", "warning"),
        ("storage is reachable again", "warning"),
    ]
    assert logged[0]["loop"] == "test"


async def test_trouble_is_no_reason_to_go_round_without_a_pause() -> None:
    ticks = Ticks(*[ValueError("again")] * 1000)
    with capture_logs():
        ticks.loop.start()
        await ticks.reach(1)
        for _ in range(100):
            await asyncio.sleep(0)
    assert ticks.count == 1
    await ticks.loop.stop()


async def test_a_stop_ends_the_tick_under_way_and_no_other_begins() -> None:
    ended = asyncio.Event()

    async def endless() -> float:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 0.0

    ticks = Ticks(endless)
    ticks.loop.start()
    await ticks.reach(1)
    await ticks.loop.stop()
    assert ended.is_set()
    ticks.loop.wake()
    for _ in range(20):
        await asyncio.sleep(0)
    assert ticks.count == 1
    await ticks.loop.stop()  # a second stop has no effect
