"""Work with a time limit behaves as in a plain `asyncio.timeout`, and needs no timer while it does not wait."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from enginehouse.runtime.time_limit import OverTimeError, within

LONG = 60.0
SHORT = 0.001


async def _answer() -> str:
    return "done"


async def _fail() -> str:
    raise TimeoutError("its own")


async def _wait_then(end: Coroutine[Any, Any, str]) -> str:
    await asyncio.sleep(0)
    inner = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(inner.set_result, None)
    await inner
    return await end


def test_work_that_does_not_wait_needs_no_event_loop() -> None:
    with pytest.raises(StopIteration) as end:
        within(LONG, _answer()).send(None)
    assert end.value.value == "done"


@pytest.mark.parametrize("waits", [False, True])
async def test_the_result_or_the_own_error_of_the_work_is_that_of_the_call(waits: bool) -> None:
    def work(end: Coroutine[Any, Any, str]) -> Coroutine[Any, Any, str]:
        return _wait_then(end) if waits else end

    assert await within(LONG, work(_answer())) == "done"
    with pytest.raises(TimeoutError, match="its own"):
        await within(LONG, work(_fail()))


async def test_work_over_its_time_is_stopped_and_ends_first() -> None:
    said = list[str]()

    async def endless() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            said.append("ended")
        return ""

    with pytest.raises(OverTimeError):
        await within(SHORT, endless())
    assert said == ["ended"]


async def test_a_cancel_reaches_work_that_waits_and_it_may_go_on() -> None:
    begun = asyncio.Event()

    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "went on"

    task = asyncio.create_task(within(LONG, stubborn()))
    await begun.wait()
    task.cancel()
    assert await task == "went on"
