"""`GET /readyz`: whether this server can do its work, and if not, what to do. It needs no token."""

import asyncio
import time
from typing import Final

import msgspec

from enginehouse.api.http.call import Headers, Reply
from enginehouse.domain.errors import Unavailable
from enginehouse.operations import storage_clock
from enginehouse.operations.house import House

_FRESH: Final = 1.0  # seconds; anybody may send this request, so it must not reach the database each time
_INSPECTED_EVERY: Final = 60.0  # seconds; an inspection reads every waiting item
_encode: Final = msgspec.json.Encoder().encode


class Readiness:
    """The state of a server: 503 if the storage does not answer or its clock is ahead, else 200."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = asyncio.Lock()
        self._looked_at = self._inspected_at = float("-inf")
        self._advice: str | None = None
        self._reply = Reply(b"", 503)

    async def reply(self, headers: Headers) -> Reply:
        """Returns the state to anybody. It is at most a second old."""
        async with self._lock:
            if time.monotonic() - self._looked_at > _FRESH:
                problem = await self._problem()
                body = _encode({"ready": problem is None, "problem": problem})
                self._reply = Reply(body, 503 if problem else 200)
                self._looked_at = time.monotonic()
            return self._reply

    async def _problem(self) -> str | None:
        database = self._house.database
        try:
            if time.monotonic() - self._inspected_at > _INSPECTED_EVERY:
                self._advice = (await storage_clock.inspect(database)).advice
                self._inspected_at = time.monotonic()
            else:
                await database.glance(lambda tx: tx.one("server_facts.by_name", name=""))
        except Unavailable as unavailable:
            return unavailable.message
        return self._advice
