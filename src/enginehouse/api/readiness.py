"""`GET /livez` and `GET /readyz`: whether this server answers, and whether it can do its work. They need no token."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from enginehouse.api.http.call import Headers, Reply
from enginehouse.operations.house import House
from enginehouse.operations.readiness import Checks

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong with a part, and what to do, in a sentence; None if nothing is."""

_FRESH: Final = 1.0  # seconds; anybody may send this request, so it must not reach the database each time
_encode: Final = msgspec.json.Encoder().encode
_ALIVE: Final = Reply(_encode({"alive": True}))


async def alive(headers: Headers) -> Reply:
    """Returns 200 while the event loop answers. A restart helps only against its silence."""
    return _ALIVE


class Readiness:
    """The state of a server: 503 if one of its parts does not work, else 200. `more` are checks of further parts."""

    def __init__(self, house: House, more: Mapping[str, Check] | None = None) -> None:
        checks = Checks(house)
        self._checks: dict[str, Check] = {"database": checks.database, "store": checks.store, **(more or {})}
        self._lock = asyncio.Lock()
        self._looked_at = float("-inf")
        self._reply = Reply(b"", 503)

    async def reply(self, headers: Headers) -> Reply:
        """Returns the state to anybody. It is at most a second old."""
        async with self._lock:
            if time.monotonic() - self._looked_at > _FRESH:
                found = await asyncio.gather(*(check() for check in self._checks.values()))
                parts = dict(zip(self._checks, found, strict=True))
                problem = " ".join(sentence for sentence in found if sentence) or None
                body = {"ready": problem is None, "problem": problem, "parts": parts}
                self._reply = Reply(_encode(body), 503 if problem else 200)
                self._looked_at = time.monotonic()
            return self._reply
