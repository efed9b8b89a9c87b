"""A time limit for work that often ends without a wait: only work that waits needs a timer."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class OverTimeError(Exception):
    """The work took longer than its limit, and was stopped."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Returns the result of `work`, which runs in the caller's task. Raises OverTimeError if it takes longer.

    A timer costs as much as the rest of an engine that does nothing.
    """
    try:
        waits_for = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _rest(work, waits_for)
    except TimeoutError as error:
        if limit.expired():
            raise OverTimeError from error
        raise  # the work itself raised it


@coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, None, T]:
    """Returns the result of work that has begun, and waits for this first."""
    while True:
        resume: Callable[[], Any] = partial(work.send, None)
        try:
            yield waits_for
        except BaseException as error:
            resume = partial(work.throw, error)
        try:
            waits_for = resume()
        except StopIteration as end:
            result: T = end.value
            return result
