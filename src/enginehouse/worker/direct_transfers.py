"""Transfers between a worker and the store of the bytes, at addresses that the server gives. No token goes there."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import structlog

from enginehouse import __version__

log = structlog.get_logger(__name__)

SMALLEST: Final = 1 << 20  # bytes of an output that is worth two requests more
_AVOIDED: Final = 60.0  # seconds without a transfer at the store after one that failed
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)


Content = bytes | AsyncIterator[bytes]


class StoreAway(Exception):
    """The store did not take or send the bytes. They go through the server."""


class DirectTransfers:
    """Requests to the store of the bytes. After a failure they go through the server for a while."""

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            headers={"user-agent": f"enginehouse-worker/{__version__}"},
            timeout=_TIMEOUT,
            trust_env=False,
            transport=transport,
        )
        self._not_before = float("-inf")

    @property
    def works(self) -> bool:
        """False for a while after a transfer that failed."""
        return time.monotonic() >= self._not_before

    async def close(self) -> None:
        """The connections are closed."""
        await self._http.aclose()

    @asynccontextmanager
    async def stream(self, address: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yields the bytes in pieces as they come. Raises StoreAway."""
        try:
            async with self._http.stream("GET", address) as response:
                if not response.is_success:
                    raise self._failed(f"HTTP {response.status_code}")
                yield response.aiter_bytes(1 << 18)
        except httpx.HTTPError as error:
            raise self._failed(type(error).__name__) from error

    async def put(self, address: str, content: Content, size: int) -> None:
        """The bytes are at the address. Raises StoreAway."""
        headers = {"content-length": str(size)}
        try:
            response = await self._http.put(address, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise self._failed(type(error).__name__) from error
        if not response.is_success:
            raise self._failed(f"HTTP {response.status_code}")

    def _failed(self, reason: str) -> StoreAway:
        # The address is a secret, so it is not logged.
        self._not_before = time.monotonic() + _AVOIDED
        log.warning("the store of the bytes does not answer here; they go through the server", reason=reason)
        return StoreAway(reason)
