"""While the storage is not reachable: one line for all loops and ticks, growing pauses, and one line at the end."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from structlog.testing import capture_logs
from tests.runtime.floor import DownError, Floor, nothing

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.work import ItemKey
from enginehouse.runtime import loop as runtime_loop
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.outage import Outage

LONG = 3600.0
SOON = 10.0
GONE = "storage is not reachable"
BACK = "storage is reachable again"


class Storage:
    """Not reachable until the test changes that. It counts the calls of each loop."""

    def __init__(self) -> None:
        self.away = True
        self.asked: dict[str, int] = {}
        self._news = asyncio.Event()

    def loop(self, name: str) -> Loop:
        async def tick() -> float:
            self.asked[name] = self.asked.get(name, 0) + 1
            self._news.set()
            if self.away:
                raise Unavailable("The database cannot answer now.")
            return LONG

        return Loop(name, tick)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not holds():
                self._news.clear()
                await self._news.wait()


async def test_an_outage_is_one_line_however_many_loops_meet_it_and_one_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime_loop, "_FIRST_PAUSE", 0.0001)
    monkeypatch.setattr(runtime_loop, "_LONGEST_PAUSE", 0.001)
    now = iter([100.0, 161.04])
    storage, outage = Storage(), Outage(lambda: next(now))
    loops = [storage.loop(name) for name in ("a", "b", "c")]
    with capture_logs() as logged:
        for loop in loops:
            loop.start(outage)
        await storage.until(lambda: len(storage.asked) == 3 and min(storage.asked.values()) >= 10)
        assert [line["event"] for line in logged] == [GONE]
        outage.lose_report(ItemKey(1, 0, 0))
        storage.away = False
        asked = dict(storage.asked)
        await storage.until(lambda: all(storage.asked[name] > asked[name] for name in "abc"))
        for loop in loops:
            await loop.stop()
    assert [line["event"] for line in logged] == [GONE, BACK]
    assert (logged[1]["seconds"], logged[1]["reports_lost"]) == (61.0, 1)


def test_it_is_over_when_the_last_loop_has_had_an_answer_and_the_next_is_another_one() -> None:
    now = iter([1.0, 3.0, 10.0, 11.5])
    outage = Outage(lambda: next(now))
    with capture_logs() as logged:
        outage.end("a")
        outage.begin("a", "away")
        outage.begin("b", "away")
        outage.end("a")
        outage.end("a")
        assert [line["event"] for line in logged] == [GONE]
        outage.end("b")
        outage.begin("a", "away")
        outage.end("a")
    assert [(line["event"], line.get("seconds")) for line in logged] == [
        (GONE, None),
        (BACK, 2.0),
        (GONE, None),
        (BACK, 1.5),
    ]


async def test_the_pauses_grow_up_to_a_second_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    script: list[float | Unavailable] = [*[Unavailable("away")] * 7, LONG, Unavailable("away")]
    done = asyncio.Event()
    timeout = asyncio.timeout

    def noted(delay: float) -> asyncio.Timeout:
        pauses.append(delay)
        return timeout(0)

    async def tick() -> float:
        if not script:
            done.set()
            await asyncio.Event().wait()
        step = script.pop(0)
        if isinstance(step, Unavailable):
            raise step
        return step

    monkeypatch.setattr(asyncio, "timeout", noted)
    loop = Loop("a", tick)
    with capture_logs():
        loop.start(Outage())
        await done.wait()
        await loop.stop()
    during, [long, again] = pauses[:7], pauses[7:]
    assert all(later == min(2 * earlier, 1.0) for earlier, later in pairwise(during))
    assert (during[0], max(during), long, again) == (0.1, 1.0, LONG, 0.1)


@pytest.mark.parametrize("away", [True, False])
async def test_reports_that_an_outage_swallows_are_counted_and_others_are_told(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    monkeypatch.setattr("enginehouse.runtime.report._PAUSES", (0.0, 0.0))
    floor.source.trouble["finish"] = [DownError() for _ in range(3)]
    floor.script("scripted", nothing)
    runner = floor.runner
    with capture_logs() as logged:
        if away:
            runner.outage.begin("dispatcher", "away")
        await runner.run(await floor.lease_one())
        runner.outage.end("dispatcher")
    events = [(line["event"], line.get("reports_lost")) for line in logged]
    assert events == (
        [(GONE, None), (BACK, 1)] if away else [("a report was not accepted; the lease will run out", None)]
    )
