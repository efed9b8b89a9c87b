"""A server with the bounded protocol and a small application, spoken to byte by byte; and the protocol alone."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from uvicorn import Config
from uvicorn.server import ServerState

from enginehouse.http_protocol.limits import ConnectionLimits, ConnectionsByAddress
from enginehouse.http_protocol.protocol import BoundedProtocol, protocol

SOON = 20.0  # seconds, after which a test has failed


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the method, the path and the body; `/early` before it reads the body, `/refuse` and closes."""
    body, path = bytearray(), scope["path"]
    while path not in {"/early", "/refuse"}:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    seen = b"%b %b %b" % (scope["method"].encode(), path.encode(), bytes(body))
    headers = [(b"content-length", b"%d" % len(seen))]
    if path == "/refuse":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 413 if path == "/refuse" else 200, "headers": headers})
    await send({"type": "http.response.body", "body": seen})


class Server:
    """The address of the server."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, *parts: bytes) -> bytes:
        """All that comes back until the server ends the connection."""
        async with asyncio.timeout(SOON):
            reader, writer = await self.open()
            try:
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read()
            finally:
                writer.close()


@asynccontextmanager
async def serving(app: Any = echo, **limits: Any) -> AsyncIterator[Server]:
    config = Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
    make, state = protocol(ConnectionLimits(**limits)), ServerState()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: make(config, state, {}), "127.0.0.1", 0)
    try:
        yield Server(listening.sockets[0].getsockname()[1])
    finally:
        for connection in list(state.connections):
            cast(BoundedProtocol, connection).transport.abort()
        listening.close()


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]


class Clock:
    """The loop of a protocol, with a time that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._loop = asyncio.get_running_loop()
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: Callable[[], None]) -> Any:
        timer = (at, call)
        self.timers.append(timer)

        class Handle:
            @staticmethod
            def cancel() -> None:
                if timer in self.timers:
                    self.timers.remove(timer)

        return Handle

    def create_task(self, coroutine: Any) -> Any:
        return self._loop.create_task(coroutine)

    def move(self, seconds: float) -> None:
        """The time passes, and every timer that is due by then is called at its time."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            first = min(due, key=lambda timer: timer[0])
            self.timers.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
        self.now = end


class Transport:
    """A connection without a network: what was written, and how it ended."""

    def __init__(self, address: str = "192.0.2.1") -> None:
        self.address = address
        self.written = b""
        self.unread = 0  # bytes that the client has not taken
        self.ended = ""

    def get_extra_info(self, name: str) -> Any:
        return {"peername": (self.address, 4711), "sockname": ("192.0.2.9", 80)}.get(name)

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return bool(self.ended)

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def get_write_buffer_size(self) -> int:
        return self.unread

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Bench:
    """Connections of one server, without a network, at a time that the test sets."""

    def __init__(self, app: Any = echo, **limits: Any) -> None:
        self.clock = Clock()
        self._limits = ConnectionLimits(**limits)
        self._by_address = ConnectionsByAddress(self._limits)
        self._config = Config(app, ws="none", lifespan="off", log_config=None, access_log=False)

    def connect(self, address: str = "192.0.2.1") -> tuple[BoundedProtocol, Transport]:
        transport = Transport(address)
        loop = cast(asyncio.AbstractEventLoop, self.clock)
        made = BoundedProtocol(self._limits, self._by_address, self._config, ServerState(), {}, loop)
        made.connection_made(cast(asyncio.Transport, transport))
        return made, transport
