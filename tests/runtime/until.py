"""Waiting for a condition, with a limit and without a guess at how long it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool | Awaitable[bool]], what: str, *, seconds: float = 20) -> None:
    """The condition holds; fails with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.005)
