import asyncio

import pytest

from enginehouse.domain.errors import NotFound, Unavailable
from enginehouse.storage.database.batcher import Batcher


class Plural:
    """A plural verb that doubles numbers, holds its batches while `open` is cleared, and remembers them."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.committed: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.began = asyncio.Event()
        self.under_way = self.most_under_way = 0

    async def __call__(self, requests: list[int]) -> list[int | Exception]:
        self.batches.append(requests)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        self.began.set()
        try:
            await self.open.wait()
            if 13 in requests:
                raise ZeroDivisionError("unlucky")
            self.committed.append(requests)
            return [NotFound("number", n) if n < 0 else n * 2 for n in requests]
        finally:
            self.under_way -= 1


async def held(plural: Plural, batcher: Batcher[int, int], *requests: int) -> list[asyncio.Task[int]]:
    """The first request runs and is held; the others wait."""
    plural.open.clear()
    plural.began.clear()
    tasks = [asyncio.create_task(batcher.ask(requests[0]))]
    await plural.began.wait()
    tasks += [asyncio.create_task(batcher.ask(request)) for request in requests[1:]]
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_batch_is_under_way_goes_together() -> None:
    plural = Plural()
    tasks = await held(plural, Batcher(plural, in_flight=1), 1, 2, 3, 4)
    plural.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert plural.batches == [[1], [2, 3, 4]]


async def test_it_says_since_when_no_batch_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("enginehouse.storage.database.batcher.perf_counter", lambda: now)
    plural = Plural()
    batcher = Batcher(plural, in_flight=1)
    assert batcher.idle_seconds == float("inf")
    tasks = await held(plural, batcher, 1)
    now = 101.0
    assert batcher.idle_seconds == 0
    plural.open.set()
    await asyncio.gather(*tasks)
    await batcher.close()
    now = 103.5
    assert batcher.idle_seconds == 2.5


async def test_the_largest_batch_may_change() -> None:
    plural, largest = Plural(), 2
    tasks = await held(plural, Batcher(plural, in_flight=1, largest=lambda: largest), 1, 2, 3, 4, 5)
    largest = 3
    plural.open.set()
    await asyncio.gather(*tasks)
    assert plural.batches == [[1], [2, 3, 4], [5]]


async def test_an_idle_coalescer_sends_at_once() -> None:
    plural = Plural()
    batcher = Batcher(plural, in_flight=1)
    task = asyncio.create_task(batcher.ask(5))
    for _ in range(3):  # lets the event loop run, without waiting
        await asyncio.sleep(0)
    assert plural.batches == [[5]]
    assert await task == 10


async def test_nobody_is_answered_before_the_batch_has_ended() -> None:
    plural = Plural()
    tasks = await held(plural, Batcher(plural, in_flight=1), 1, 2)
    assert not any(task.done() for task in tasks)
    plural.open.set()
    assert await asyncio.gather(*tasks) == [2, 4]


async def test_an_unexpected_error_reaches_only_its_own_caller() -> None:
    plural = Plural()
    tasks = await held(plural, Batcher(plural, in_flight=1), 1, 2, 13, 3)
    plural.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert answers[:2] + answers[3:] == [2, 4, 6]
    assert isinstance(answers[2], ZeroDivisionError)
    assert plural.committed == [[1], [2], [3]]


async def test_an_answer_that_is_an_exception_is_raised_to_its_own_caller() -> None:
    plural = Plural()
    tasks = await held(plural, Batcher(plural, in_flight=1), 0, -1, 2)
    plural.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2]] == [0, 4]
    assert isinstance(answers[1], NotFound)
    assert plural.batches == [[0], [-1, 2]]


async def test_an_unavailable_database_is_not_asked_again() -> None:
    sent: list[list[int]] = []

    async def plural(requests: list[int]) -> list[int]:
        sent.append(requests)
        raise Unavailable("The connection was lost while committing.")

    batcher: Batcher[int, int] = Batcher(plural, in_flight=1)
    answers = await asyncio.gather(batcher.ask(1), batcher.ask(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    assert sent == [[1, 2]]


async def test_a_batch_with_the_wrong_number_of_answers_is_not_sent_again() -> None:
    sent: list[list[int]] = []

    async def plural(requests: list[int]) -> list[int]:
        sent.append(requests)
        return [1]

    batcher: Batcher[int, int] = Batcher(plural, in_flight=1)
    answers = await asyncio.gather(batcher.ask(1), batcher.ask(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    assert sent == [[1, 2]]


async def test_a_cancelled_caller_takes_nobody_along() -> None:
    plural = Plural()
    tasks = await held(plural, Batcher(plural, in_flight=1), 1, 2, 3)
    tasks[0].cancel()  # already sent
    tasks[1].cancel()  # still waiting
    await asyncio.sleep(0)
    plural.open.set()
    assert await tasks[2] == 6
    assert tasks[0].cancelled()
    assert tasks[1].cancelled()
    assert plural.committed == [[1], [3]]


@pytest.mark.parametrize("in_flight", [1, 2])
async def test_only_so_many_batches_run_at_a_time_and_none_is_too_large(in_flight: int) -> None:
    plural = Plural()
    batcher = Batcher(plural, in_flight=in_flight, largest=lambda: 4)
    await asyncio.gather(*(batcher.ask(n) for n in range(100, 150)))
    tasks = await held(plural, batcher, *range(200, 220))
    plural.open.set()
    await asyncio.gather(*tasks)
    assert plural.most_under_way == in_flight
    assert max(map(len, plural.batches)) == 4
    assert sorted(n for batch in plural.committed for n in batch) == [*range(100, 150), *range(200, 220)]


async def test_a_further_batch_begins_when_it_is_as_large_as_the_one_that_runs() -> None:
    plural = Plural()
    batcher = Batcher(plural, in_flight=2, slow_after=3600)
    tasks = await held(plural, batcher, 1)
    tasks += [asyncio.create_task(batcher.ask(n)) for n in (2, 3, 4)]  # 2 is as many as 1
    for _ in range(3):
        await asyncio.sleep(0)
    assert plural.batches == [[1], [2, 3, 4]]
    plural.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]

    plural.batches.clear()
    tasks = [asyncio.create_task(batcher.ask(n)) for n in (1, 2, 3)]
    plural.open.clear()
    for _ in range(3):
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(batcher.ask(n)) for n in (4, 5)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert plural.batches == [[1, 2, 3]]
    tasks.append(asyncio.create_task(batcher.ask(6)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert plural.batches == [[1, 2, 3], [4, 5, 6]]
    plural.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10, 12]


async def test_nobody_waits_long_behind_a_large_batch_that_is_slow() -> None:
    plural = Plural()
    batcher = Batcher(plural, in_flight=2, slow_after=0.01)
    plural.open.clear()
    tasks = [asyncio.create_task(batcher.ask(n)) for n in (1, 2, 3)]
    await plural.began.wait()
    plural.began.clear()
    tasks.append(asyncio.create_task(batcher.ask(4)))
    async with asyncio.timeout(10):
        await plural.began.wait()
    assert plural.batches == [[1, 2, 3], [4]]
    plural.open.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]


async def test_closing_answers_what_was_asked_and_refuses_the_rest() -> None:
    plural = Plural()
    batcher = Batcher(plural, in_flight=1)
    tasks = await held(plural, batcher, 1, 2)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await batcher.ask(3)
    plural.open.set()
    await closing
    assert [task.result() for task in tasks] == [2, 4]
