"""Counts the requests and the bytes of tokens that have a quota: in memory, and stored at most once a second.

A server knows what the others have counted from its last store. So all of them together may serve a few requests more
than the quota: those of one second on each other server. After a crash those of the last second are not counted. Tasks
are counted in the transaction that creates them, exactly.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from enginehouse.domain.identity import Principal
from enginehouse.domain.token_quotas import HOUR, QuotaHolder, TokenQuota
from enginehouse.storage import token_quotas as storage
from enginehouse.storage.database.database import Database, Tx

SECONDS: Final = 1.0
_MOST: Final = 10_000  # tokens in memory
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(slots=True)
class _Counted:
    """The quota of a token at its last store, at `at` (monotonic) and `now` (µs UTC), and what came since."""

    quota: TokenQuota | None = None
    at: float = 0.0
    now: int = 0
    api: int = 0
    bytes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class TokenUsage:
    """What the tokens with a quota have used, as this server knows it."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock = database, clock
        self._counted: dict[QuotaHolder, _Counted] = {}

    async def take(self, principal: Principal, length: bytes | None) -> None:
        """Counts a request, whose body has the declared `length`. Raises QuotaReached, NotAllowed over the quota."""
        if principal.quota is None:
            return
        counted = self._counted.get(principal.quota) or self._begin(principal.quota)
        if counted.quota is None or self._clock() - counted.at >= SECONDS:
            await self._store(principal.quota, counted)
        if counted.quota is not None:
            declared = int(length[:18]) if length is not None and length.isdigit() else 0
            self._with_rest(counted).refuse(self._now(counted), api=1, octets=declared)
        counted.api += 1

    def received(self, principal: Principal, receive: Receive) -> Receive:
        """Returns `receive`, which counts the bytes of the request's body as they arrive.

        It raises QuotaReached or NotAllowed at the first piece over the quota.
        """
        if principal.quota is None:
            return receive
        counted = self._counted.get(principal.quota) or self._begin(principal.quota)

        async def count() -> MutableMapping[str, Any]:
            message = await receive()
            size = len(message.get("body", b""))
            if counted.quota is not None:
                self._with_rest(counted).refuse(self._now(counted), octets=size)
            counted.bytes += size
            return message

        return count

    async def store(self) -> None:
        """Everything that was counted is stored."""
        for holder, counted in list(self._counted.items()):
            if counted.api or counted.bytes:
                await self._store(holder, counted)

    def _begin(self, holder: QuotaHolder) -> _Counted:
        if len(self._counted) >= _MOST:
            idle = next((one for one, known in self._counted.items() if not (known.api or known.bytes)), None)
            if idle is not None:
                del self._counted[idle]
        return self._counted.setdefault(holder, _Counted())

    async def _store(self, holder: QuotaHolder, counted: _Counted) -> None:
        async with counted.lock:
            if (
                counted.quota is not None
                and self._clock() - counted.at < SECONDS
                and not (counted.api or counted.bytes)
            ):
                return  # another request has just stored it
            api, octets, since = counted.api, counted.bytes, self._clock()
            counted.api, counted.bytes = 0, 0

            async def add(tx: Tx) -> tuple[TokenQuota | None, int]:
                now = await tx.read_clock()
                return await storage.add(tx, holder, now, api=api, octets=octets), now

            try:
                counted.quota, counted.now = await self._database.write(add)
            except BaseException:
                counted.api += api
                counted.bytes += octets
                raise
            counted.at = since

    def _with_rest(self, counted: _Counted) -> TokenQuota:
        """Returns the quota as if everything counted were stored."""
        quota, hour = counted.quota or TokenQuota("", 0), self._now(counted) // HOUR
        fresh = quota.hour < hour
        return quota._replace(
            api=quota.api + counted.api,
            bytes=quota.bytes + counted.bytes,
            hour=hour,
            hour_api=(0 if fresh else quota.hour_api) + counted.api,
            hour_bytes=(0 if fresh else quota.hour_bytes) + counted.bytes,
        )

    def _now(self, counted: _Counted) -> int:
        return counted.now + int((self._clock() - counted.at) * 1_000_000)
