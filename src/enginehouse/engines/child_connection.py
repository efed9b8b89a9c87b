"""The server's end of the connection to a child: one request at a time, and one reply to it."""

import asyncio
import socket
from contextlib import suppress

from enginehouse.engines import frames
from enginehouse.engines.frames import MalformedFrame, Reply


class ChildConnection(asyncio.Protocol):
    """A transport of the event loop reads and writes: three system calls in Python for each item would cost more.

    It belongs to one child, which is not trusted: what it sends without a request, or beside its reply, ends its use.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._received = bytearray()
        self._usable = True

    @property
    def usable(self) -> bool:
        """True while the other end is open and has sent nothing since its last reply."""
        return self._usable

    async def open(self) -> None:
        """The event loop reads from the connection."""
        if self._transport is None:
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_unix_connection(lambda: self, sock=self._socket)

    def ask(self, frame: bytes) -> "asyncio.Future[Reply]":
        """Returns the reply to the frame of a request. It raises EOFError, OSError or MalformedFrame."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self._usable and self._transport is not None:
            self._reply = reply
            self._transport.write(frame)
        else:
            reply.set_exception(EOFError())
        return reply

    def hang_up(self) -> None:
        """Both ends are shut down: whoever waits for a reply learns it."""
        if self._transport is not None:
            self._transport.abort()
        else:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The connection is closed."""
        if self._transport is not None:
            self._transport.abort()
        else:
            self._socket.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        reply = self._reply
        if reply is None or reply.done():
            self._refuse()
            return
        try:
            if len(self._received) < frames.HEADER:
                return
            end = frames.HEADER + frames.body_length(self._received, frames.REPLY_LIMIT)
            if len(self._received) < end:
                return
            if len(self._received) > end:
                raise MalformedFrame("more than one answer")
            answer = frames.decode_reply(bytes(self._received[frames.HEADER :]))
        except MalformedFrame as error:
            self._refuse()
            reply.set_exception(error)
        else:
            self._received.clear()
            self._reply = None
            reply.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._usable = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error or EOFError())

    def _refuse(self) -> None:
        """The child is not used again, and no more of what it sends is kept."""
        self._usable = False
        self._received.clear()
        if self._transport is not None:
            self._transport.pause_reading()
