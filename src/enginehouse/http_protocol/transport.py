"""The transport as a response sees it."""

import asyncio
from collections.abc import Callable


class ResponseTransport:
    """Writes to the transport. Its `close` is the protocol's, which lets the client read the response first."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close
