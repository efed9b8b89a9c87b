"""Runs work that a cancel does not interrupt: a thread, or a coroutine that must run to its end."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Returns the result of `work`, which runs in a thread.

    A cancel meanwhile is raised only when the thread has ended.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await _end_of(thread)
        raise


async def in_daemon(work: Callable[[], T], *, on_end: Callable[[], None]) -> T:
    """Returns the result of `work`, which runs in a thread that nobody waits for: it may hang.

    A cancel is raised at once. `on_end` is called when the thread has ended, in the event loop.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        on_end()
        if found.done():
            return
        if error is not None:
            found.set_exception(error)
        else:
            found.set_result(cast("T", result))

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    return await found


async def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Returns the result of `work`. A cancel meanwhile has no effect."""
    task = asyncio.ensure_future(work)
    await _end_of(task)
    return task.result()


async def _end_of(task: asyncio.Future[Any]) -> None:
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
