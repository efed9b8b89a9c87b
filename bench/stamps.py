"""Receives the start times that the engine of the measurements sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

STARTS_WITHIN = 10.0


class Stamps(asyncio.DatagramProtocol):
    """The wall clocks (ns) that engines have sent to `port`, in order of arrival."""

    def __init__(self) -> None:
        self.port = 0
        self._heard: asyncio.Queue[int] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._heard.put_nowait(int(data))

    async def next(self) -> int:
        """Returns when the next engine was started."""
        return await asyncio.wait_for(self._heard.get(), STARTS_WITHIN)


@asynccontextmanager
async def listening() -> AsyncIterator[Stamps]:
    """Yields a port to which engines may send."""
    loop = asyncio.get_running_loop()
    transport, stamps = await loop.create_datagram_endpoint(Stamps, local_addr=("127.0.0.1", 0))
    stamps.port = transport.get_extra_info("sockname")[1]
    try:
        yield stamps
    finally:
        transport.close()
