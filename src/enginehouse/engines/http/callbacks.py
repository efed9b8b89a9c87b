"""The webhooks of running calls: an HTTP listener of the executor, where engines fetch inputs and send results.

It starts at the first call. An address holds the secret of one attempt, works only while the attempt runs, and is in no
log. Whatever else is requested does not exist.
"""

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from enginehouse.engines.http import messages, multipart
from enginehouse.engines.http.exchange import Exchange, TooMuch
from enginehouse.engines.http.form import Webhooks
from enginehouse.engines.http.messages import BadMessage
from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.protocol import protocol

LARGEST_HEARTBEAT: Final = 1 << 20  # bytes
LARGEST_DOCUMENT: Final = 64 << 20  # bytes of a result that is JSON; it is in memory
_CLOSE_SECONDS: Final = 1.0


class _Gone(Exception):
    """The attempt ended while the request was read."""


class Callbacks:
    """Listens on `host` and `port` (0: any free one). `url` is its address for engines, if that is another one."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, url: str | None = None) -> None:
        self._host, self._port, self._url = host, port, url
        self._exchanges: dict[bytes, Exchange] = {}
        self._starting = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._state = ServerState()

    @property
    def is_listening(self) -> bool:
        """True after the first call."""
        return self._server is not None

    async def start(self) -> None:
        """The listener is up. Raises OSError if it cannot listen."""
        async with self._starting:
            if self._server is not None:
                return
            listener = _bind(self._host, self._port)
            config = uvicorn.Config(
                self._serve,
                interface="asgi3",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
            config.load()
            make = protocol(ConnectionLimits())
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: make(config, self._state, {}), sock=listener)
            host = f"[{self._host}]" if ":" in self._host else self._host
            self._url = self._url or f"http://{host}:{listener.getsockname()[1]}"

    @contextmanager
    def opened(self, exchange: Exchange) -> Iterator[Webhooks]:
        """Inside the context the exchange can be reached at the addresses; after it, it is closed."""
        key = _key(exchange.secret)
        self._exchanges[key] = exchange
        base = (self._url or "").rstrip("/")
        chunk = None if exchange.source is None else f"{base}/chunk/{exchange.secret}"
        try:
            yield Webhooks(chunk, f"{base}/heartbeat/{exchange.secret}", f"{base}/result/{exchange.secret}")
        finally:
            del self._exchanges[key]
            exchange.close()

    async def aclose(self) -> None:
        """Nothing listens any more, and no connection is open."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, late = await asyncio.wait(list(self._state.tasks), timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_CLOSE_SECONDS)
        for connection in list(self._state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()

    def _find(self, secret: str) -> Exchange | None:
        exchange = self._exchanges.get(_key(secret))
        if exchange is None or not hmac.compare_digest(exchange.secret.encode(), secret.encode("utf-8", "replace")):
            return None
        return exchange

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await (await self._response(Request(scope, receive)))(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        _, _, rest = request.url.path.partition("/")
        what, _, secret = rest.partition("/")
        exchange = self._find(secret)
        if exchange is None:
            return _missing()
        try:
            return await _taken(request, what, exchange)
        except BadMessage as fault:
            return PlainTextResponse(str(fault), 400)
        except TooMuch as fault:
            return PlainTextResponse(str(fault), 413, {"connection": "close"})
        except (_Gone, ClientDisconnect):
            return _missing()


async def _taken(request: Request, what: str, exchange: Exchange) -> Response:
    """Returns the answer to an engine that knows the secret. Raises BadMessage, TooMuch, _Gone."""
    match request.method, what:
        case (("GET" | "HEAD"), "chunk") if exchange.source is not None:
            return FileResponse(exchange.source.path, media_type=exchange.source.media_type)
        case "POST", "heartbeat":
            body = await _body(request, exchange, LARGEST_HEARTBEAT)
            exchange.beat(messages.heartbeat(messages.read_json(body)))
        case "POST", "result":
            await _take_result(request, exchange)
        case _:
            return _missing()
    return Response(status_code=204)


def _key(secret: str) -> bytes:
    # Looked up by its digest, so that the time of a look-up says nothing about the secret.
    return sha256(secret.encode("utf-8", "replace")).digest()


def _missing() -> Response:
    return PlainTextResponse("There is nothing here.", 404)


async def _blocks(request: Request, exchange: Exchange) -> AsyncIterator[bytes]:
    """Yields the body. Raises _Gone as soon as the attempt has ended, so that nothing of it is kept."""
    async for block in request.stream():
        if not exchange.open:
            raise _Gone
        if block:
            yield block
    if not exchange.open:
        raise _Gone


async def _body(request: Request, exchange: Exchange, largest: int) -> bytes:
    body = bytearray()
    async for block in _blocks(request, exchange):
        body += block
        if len(body) > largest:
            raise TooMuch(f"The message is larger than {largest} bytes.")
    return bytes(body)


async def _take_result(request: Request, exchange: Exchange) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        await multipart.take(_blocks(request, exchange), content_type, exchange)
        return
    message = messages.read_json(await _body(request, exchange, LARGEST_DOCUMENT))
    output: Any = message.get("output")
    if output is None:
        raise BadMessage("output: must be given.")
    source = messages.encoded(output)
    exchange.take_room(len(source))
    exchange.add(messages.result(message), "application/json", source)


def _bind(host: str, port: int) -> socket.socket:
    [(family, kind, _, _, address), *_] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )
    listener = socket.socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
