"""One request and its response, as an ASGI application receives and sends them.

It stands in for uvicorn's `RequestResponseCycle`, whose names `HttpToolsProtocol` uses. The head of a response of known
length leaves together with the first bytes of its body, in one write to the socket.
"""

import asyncio
import re
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import structlog
from uvicorn.protocols.http.flow_control import FlowControl

from enginehouse.domain.request_notes import SEND_WHOLE
from enginehouse.http_protocol.transport import ResponseTransport

_log: Final = structlog.get_logger(__name__)
_BAD_NAME: Final = re.compile(rb'[\x00-\x20\x7f()<>@,;:\[\]={}\\"]')
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus
}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED: Final = (
    {
        "type": "http.response.start",
        "status": 500,
        "headers": [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"21"),
            (b"connection", b"close"),
        ],
    },
    {"type": "http.response.body", "body": b"Internal Server Error"},
)
_WITHOUT_BODY: Final = frozenset({204, 304})
_FRAMING: Final = frozenset({b"content-length: ", b"transfer-encoding: ", b"connection: "})
Headers = list[tuple[bytes, bytes]]
Fields = tuple[tuple[bytes, bytes], ...]
Message = MutableMapping[str, Any]
Application = Callable[..., Any]


class HttpExchange:
    """A request that has begun. The protocol adds to `body`, and sets `message_event` when there is news."""

    __slots__ = (
        "_chunked",
        "_common",
        "_flow",
        "_head",
        "_left",
        "_transport",
        "body",
        "disconnected",
        "keep_alive",
        "message_event",
        "more_body",
        "on_response",
        "response_complete",
        "response_started",
        "scope",
        "task",
        "waiting_for_100_continue",
    )

    def __init__(
        self,
        scope: Any,
        transport: ResponseTransport,
        flow: FlowControl,
        common: Headers,
        *,
        expects_continue: bool,
        keep_alive: bool,
        on_response: Callable[[], None],
    ) -> None:
        self.scope = scope
        self._transport = transport
        self._flow = flow
        self._common = common  # headers of every response
        self.on_response: Callable[[], None] | None = on_response
        self.message_event = asyncio.Event()
        self.task: asyncio.Task[None] | None = None  # that runs the application
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue
        self.response_started = False
        self.response_complete = False
        self._head = b""  # of the response, until its body begins
        self._chunked = False
        self._left = 0  # bytes of the response's body

    async def run(self, application: Application, running: set["asyncio.Task[None]"]) -> None:
        """The application has answered. If it did not, the client gets a 500, or the connection ends.

        This task is then no longer among the `running` ones, for which a server that stops waits.
        """
        self.scope[SEND_WHOLE] = self.send_whole
        try:
            await application(self.scope, self.receive, self.send)
        except BaseException:
            _log.exception("the application failed")
            await self._give_up()
        else:
            if not self.response_complete and not self.disconnected:
                _log.error("the application did not complete its response")
                await self._give_up()
        finally:
            del self.scope[SEND_WHOLE]  # a circle would wait for the collector
            self.on_response = None
            if self.task is not None:
                running.discard(self.task)
                self.task = None

    async def _give_up(self) -> None:
        if self.response_started:
            self._transport.close()
        else:
            for message in _FAILED:
                await self.send(message)

    async def receive(self) -> Message:
        """Returns the next piece of the request's body, or that the client has gone or has its response."""
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(_CONTINUE)
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            if not self.message_event.is_set():
                await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        piece, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": piece, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Sends the head of the response, or a piece of its body. Raises RuntimeError for what is not HTTP."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        kind = "http.response.body" if self.response_started else "http.response.start"
        if message["type"] != kind or self.response_complete:
            raise RuntimeError(f"The message {message['type']} cannot be sent now.")
        if self.response_started:
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            self._begin(message["status"], message.get("headers", ()))

    def send_whole(self, status: int, headers: Fields, own: Fields, body: bytes) -> bool:
        """The response is sent in one write. Returns False, and has sent nothing, if that is not possible now.

        `headers` are the same for many responses, so that their text is kept; `own` are of this one. None is about the
        length of the body. Raises RuntimeError for what is not HTTP.
        """
        if self.response_started or self.disconnected or self._flow.write_paused:
            return False
        common = _lines(tuple(self._common))
        if common is None:
            return False
        pieces = [_beginning(status, headers), common]
        for name, value in own:
            field = _field(name)
            if field in _FRAMING:
                return False
            _check(value)
            pieces += (field, value, b"\r\n")
        if not self.keep_alive:
            pieces.append(b"connection: close\r\n")
        if status in _WITHOUT_BODY:
            pieces.append(b"\r\n")
        else:
            pieces.append(b"content-length: %d\r\n\r\n" % len(body))
            if self.scope["method"] != "HEAD":
                pieces.append(body)
        self.response_started = True
        self.waiting_for_100_continue = False
        self._transport.write(b"".join(pieces))
        self._complete()
        return True

    def _begin(self, status: int, headers: Headers) -> None:
        head = self._head_of(status, headers)
        self.response_started = True
        self.waiting_for_100_continue = False
        if self._chunked:
            self._transport.write(head)  # the body may begin much later
        else:
            self._head = head

    def _head_of(self, status: int, headers: Headers) -> bytes:
        sized = ends = False
        values = []
        lines = [_STATUS_LINES[status]]
        for name, value in (*self._common, *headers):
            field = _field(name)
            if field == b"content-length: ":
                self._left, sized = int(value), True
            elif field == b"transfer-encoding: " and value.lower() == b"chunked":
                self._chunked = True
            elif field == b"connection: ":
                ends = b"close" in [word.strip() for word in value.lower().split(b",")]
            values.append(value)
            lines += (field, value, b"\r\n")
        _check(b"".join(values))
        if ends:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if not (sized or self._chunked or self.scope["method"] == "HEAD" or status in _WITHOUT_BODY):
            self._chunked = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _send_body(self, piece: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            piece, self._left = b"", 0
        elif self._chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
            piece = piece if more else piece + b"0\r\n\r\n"
        else:
            self._left -= len(piece)
        if self._left < 0 or (self._left and not more):
            raise RuntimeError("The body of the response is not as long as its head says.")
        head, self._head = self._head, b""
        if head or piece:
            self._transport.write(head + piece if head else piece)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._transport.close()
        if self.on_response is not None:
            self.on_response()


@lru_cache(256)
def _beginning(status: int, headers: Fields) -> bytes:
    """Returns the lines of these headers after the line of the status."""
    for _, value in headers:
        _check(value)
    return _STATUS_LINES[status] + b"".join([_field(name) + value + b"\r\n" for name, value in headers])


@lru_cache(16)  # the date is another one in each second
def _lines(headers: Fields) -> bytes | None:
    """Returns the lines of these headers; None if one of them is about the length of the body."""
    if not _FRAMING.isdisjoint([_field(name) for name, _ in headers]):
        return None
    _check(b"".join([value for _, value in headers]))
    return b"".join([_field(name) + value + b"\r\n" for name, value in headers])


@lru_cache(256)
def _field(name: bytes) -> bytes:
    """Returns the beginning of a header's line. Raises RuntimeError if it is not the name of a header."""
    if not name or _BAD_NAME.search(name):
        raise RuntimeError("The application sends a header with an invalid name.")
    return name.lower() + b": "


def _check(values: bytes) -> None:
    """No value of a header ends its line. Raises RuntimeError."""
    if not values.decode("latin-1").isprintable() and _BAD_VALUE.search(values):
        raise RuntimeError("The application sends a header with an invalid value.")
