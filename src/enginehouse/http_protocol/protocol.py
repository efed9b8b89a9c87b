"""The protocol of a connection: uvicorn's, with bounds on everything that a client sends and on its pace.

The stream is cut into heads and bodies here, and the parser gets one at a time. If the two disagree on where a request
ends, the request is refused. A head that is the same as the one before says the same, so the parser does not get it
again. Requests of one connection run one after the other.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.server import ServerState

from enginehouse.domain.addresses import network_of
from enginehouse.http_protocol import head as heads
from enginehouse.http_protocol.chunks import ChunkScanner
from enginehouse.http_protocol.deadline import Deadline
from enginehouse.http_protocol.exchange import HttpExchange
from enginehouse.http_protocol.head_cache import KnownHead, known
from enginehouse.http_protocol.limits import ConnectionLimits, ConnectionsByAddress
from enginehouse.http_protocol.refusal import RefusedRequestError, slow_body, slow_head
from enginehouse.http_protocol.request_reader import RequestReader
from enginehouse.http_protocol.transport import ResponseTransport

_MOST_HELD = 1024 * 1024  # bytes of later requests, while one runs


def protocol(limits: ConnectionLimits) -> Callable[..., "BoundedProtocol"]:
    """Returns what makes the protocol of each connection of one server."""
    connections = ConnectionsByAddress(limits)

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> BoundedProtocol:
        return BoundedProtocol(limits, connections, config, server_state, app_state, _loop)

    return make


class BoundedProtocol(RequestReader):
    """One connection. It waits for a head, then for a body, then for the response; or it drops what still comes."""

    def __init__(
        self,
        limits: ConnectionLimits,
        by_address: ConnectionsByAddress,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._by_address = by_address
        self._address = ""
        self._link: Any = None
        self._head = bytearray()
        self._known: KnownHead | None = None
        self._repeats = False  # the head of this request is the known one, and the parser gets nothing of it
        self._body_left = 0
        self._chunks: ChunkScanner | None = None
        self._held = b""  # bytes that belong to later requests, or the beginning of a chunk's size
        self._dropping = False
        self._dropped = 0
        self._deadline = Deadline(self.loop, self._expire)
        self._unwritten = 0  # bytes of responses, when the deadline was set

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """The connection waits for a request, unless its address has too many of them."""
        super().connection_made(transport)
        self._link = ResponseTransport(transport, self._close_after_response)
        self._address = network_of(self.client[0]) if self.client else ""
        if self._by_address.enter(self._address):
            self._fall_silent()
        else:
            transport.write(RefusedRequestError(503, "This address has too many open connections.").response())
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of the connection is left."""
        self._deadline.end()
        self._by_address.leave(self._address, self)
        self._held = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The bytes are read, held until the response to the request before is sent, or dropped."""
        if self._dropping:
            self._drop(len(data))
        elif self._message_ended:
            self._held += data
            self.flow.pause_reading()
            if len(self._held) > _MOST_HELD:
                self.transport.close()
        else:
            self._read(self._held + data if self._held else data)

    def pause_writing(self) -> None:
        """The client reads too slowly. It has some time to read on."""
        super().pause_writing()
        self._wait(self._limits.silent_seconds)

    def resume_writing(self) -> None:
        """The client has read on."""
        super().resume_writing()
        if self._message_ended and not self._dropping:
            self._deadline.never()

    def shutdown(self) -> None:
        """The connection ends after the response that it sends now."""
        if self._dropping:
            self.transport.close()
        else:
            super().shutdown()

    # Requests.

    def _read(self, data: bytes) -> None:
        self._held = b""
        try:
            while data and not self._message_ended and not self._dropping:
                data = self._read_body(data) if self._head_ended else self._read_head(data)
                if self._message_ended and self.cycle.response_complete:
                    self._begin_next()
        except RefusedRequestError as refused:
            self._refuse(refused)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(RefusedRequestError(400, "The request is not HTTP as this server reads it."))
        else:
            if self._message_ended and data:
                self._held = data
                self.flow.pause_reading()
            elif self._head_ended and not self._message_ended and not self._deadline.is_set:
                self._wait(self._limits.body_seconds)

    def _read_head(self, data: bytes) -> bytes:
        limits, head = self._limits, self._head
        if not head:
            end = data.find(heads.END)
            if 0 < end < limits.head_bytes - 3 and data[0] > 32:  # the whole head is here: the usual case
                self._end_head(data[: end + 4])
                return data[end + 4 :]
            data = data.lstrip(b"\r\n")
            if not data:
                return data
            self._wait(limits.head_seconds)
        before = len(head)
        head += data[: limits.head_bytes + 1]
        end = head.find(heads.END, max(0, before - 3))
        if end < 0:
            heads.check_size(head, limits)
            heads.check_incomplete(head, before)
            return b""
        whole = bytes(head[: end + 4])
        self._end_head(whole)
        return data[len(whole) - before :]

    def _end_head(self, head: bytes) -> None:
        """The head is whole. The application gets its request."""
        known_ = self._known
        self._repeats = known_ is not None and known_.text == head
        self._head = bytearray()
        if known_ is not None and self._repeats:
            self.scope = known_.new_scope(self.app_state)  # type: ignore[assignment]
            self._head_ended = True
            self._body_left = known_.length
            self._message_ended = not known_.length
            expects_continue = False
        else:
            expects_continue = self._parse_head(head)
        self._by_address.awake(self._address, self)
        exchange = self._exchange(expects_continue=expects_continue)
        self.cycle = exchange  # type: ignore[assignment]  # it stands in for uvicorn's
        self._deadline.never()
        if self._message_ended:
            exchange.more_body = False
            exchange.message_event.set()
        exchange.task = self.loop.create_task(exchange.run(self.app, self.tasks))
        self.tasks.add(exchange.task)

    def _parse_head(self, head: bytes) -> bool:
        """Returns whether the client waits until its body is wanted."""
        self._known = None
        heads.check_size(head, self._limits)
        heads.check_line(head, self._limits)
        self.parser.feed_data(heads.without_upgrade(head))
        if not self._head_ended:
            raise RefusedRequestError(400, "The request is not HTTP as this server reads it.")
        framing = heads.framing(self.scope["http_version"], self.url, self.headers)
        self._body_left = max(0, framing.length)
        self._chunks = ChunkScanner(self._limits) if framing.length == heads.CHUNKED else None
        self._check_end(framing.length == heads.NO_BODY)
        self._set_path()
        if self._keeps_alive and self._chunks is None and not framing.expects_continue:
            self._known = known(head, self.scope, framing.length)
        return framing.expects_continue

    def _exchange(self, *, expects_continue: bool) -> HttpExchange:
        return HttpExchange(
            self.scope,
            self._link,
            self.flow,
            self.server_state.default_headers,
            expects_continue=expects_continue,
            keep_alive=self._keeps_alive,
            on_response=self.on_response_complete,
        )

    def _read_body(self, data: bytes) -> bytes:
        if self._chunks is None:
            piece = data[: self._body_left]
            self._body_left -= len(piece)
            ended = not self._body_left
        else:
            piece = data[: self._chunks.consume(data)]
            ended = self._chunks.ended
        rest = data[len(piece) :]
        if self._repeats:
            self.on_body(piece)
            if ended:
                self.on_message_complete()
        elif piece:
            self.parser.feed_data(piece)
            self._check_end(ended)
        if ended:
            self._deadline.never()
            return rest
        self._advance(len(piece))
        self._held = rest
        return b""

    def _advance(self, size: int) -> None:
        """The body has this many bytes more, and so much more time for the next ones."""
        limits = self._limits
        self._deadline.extend(size / limits.body_bytes_per_second, at_most=limits.body_seconds)
        if self.cycle.response_complete:
            self._drop(size)

    def _check_end(self, ended: bool) -> None:
        if ended != self._message_ended:
            raise RefusedRequestError(400, "The request does not end where it says.")

    # Ends.

    def on_response_complete(self) -> None:
        """The response is sent. The next request of the connection begins."""
        self.server_state.total_requests += 1
        if self._dropping or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._message_ended:
            held = self._held
            self._begin_next()
            if held:
                self._read(held)

    def _begin_next(self) -> None:
        self._head_ended = self._message_ended = False
        self._dropped = 0
        self._held = b""
        self._fall_silent()

    def _fall_silent(self) -> None:
        self._by_address.fall_silent(self._address, self, self._link.close)
        self._wait(self._limits.silent_seconds)

    def _close_after_response(self) -> None:
        """The connection ends. If the client still sends, it can read the response before."""
        if self._head_ended and not self._message_ended and not self.transport.is_closing():
            self._drop_all()
        else:
            self.transport.close()
            self._wait(self._limits.silent_seconds)  # for what is not yet written

    def _refuse(self, refused: RefusedRequestError) -> None:
        """The client gets this response, and then the connection ends."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        running = cycle is not None and not cycle.response_complete
        if running:
            cycle.disconnected = True
            cycle.message_event.set()
        if running and cycle.response_started:
            self.transport.close()
            return
        self.transport.write(refused.response())
        self._drop_all()

    def _drop_all(self) -> None:
        """Whatever still comes is dropped, up to a limit. An end with unread bytes would destroy the response."""
        self._dropping = True
        self._held, self._head = b"", bytearray()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._by_address.fall_silent(self._address, self, self.transport.close)
        self._wait(self._limits.dropped_seconds)

    def _drop(self, size: int) -> None:
        self._dropped += size
        if self._dropped > self._limits.dropped_bytes:
            self.transport.close()

    # Time.

    def _wait(self, seconds: float) -> None:
        self._unwritten = self.transport.get_write_buffer_size()
        self._deadline.after(seconds)

    def _expire(self) -> None:
        limits, unwritten = self._limits, self.transport.get_write_buffer_size()
        if unwritten:
            if self._unwritten - unwritten < limits.silent_seconds * limits.body_bytes_per_second:
                self.transport.abort()
            else:
                self._wait(limits.silent_seconds)
        elif self._dropping or self.transport.is_closing():
            self.transport.abort()
        elif self._head_ended and not self._message_ended:
            if self.flow.read_paused or self.cycle.waiting_for_100_continue:
                self._wait(limits.body_seconds)  # the client waits for us
            elif self.cycle.response_complete:
                self.transport.close()
            else:
                self._refuse(slow_body(limits))
        elif self._head:
            self._refuse(slow_head(limits))
        else:
            self.transport.close()
