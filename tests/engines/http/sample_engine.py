"""An engine over HTTP in the test's own process. It does what the test says, and stores what it was sent."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from enginehouse.domain.engine import EngineAddress, EngineKind, EngineMode, EngineSpec

Do = Callable[["SampleEngine", "Sent"], Awaitable[Response]]


@dataclass
class Sent:
    """One form as the engine got it: its fields, and the bytes and the type of its file."""

    fields: dict[str, str]
    chunk: bytes | None
    chunk_type: str | None
    headers: dict[str, str]
    request: Request

    async def post(self, name: str, message: Any = None, **more: Any) -> httpx.Response:
        """Returns the answer to a message that the engine sends to one of its webhooks."""
        async with httpx.AsyncClient(trust_env=False) as client:
            body = {"json": message} if message is not None else {}
            return await client.post(self.fields[name], **body, **more)

    async def fetch(self, **headers: str) -> httpx.Response:
        """Returns the answer to a GET of the input."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(self.fields["cacheURI"], headers=headers)


async def nothing(engine: "SampleEngine", sent: Sent) -> Response:
    return Response(status_code=204)


@dataclass
class SampleEngine:
    """`ready` is the status of GET ready. `gone` is set when the connection of a call was closed by the server."""

    do: Do = nothing
    ready: int = 200
    url: str = ""
    asked: int = 0
    sent: list[Sent] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    background: list[asyncio.Task[Any]] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _state: ServerState = field(default_factory=ServerState)
    _port: int = 0

    async def start(self) -> None:
        """It listens, after a stop on the same port."""
        routes = [Route("/ready", self._ready), Route("/process", self._process, methods=["POST"])]
        config = uvicorn.Config(Starlette(routes=routes), lifespan="off", log_config=None, access_log=False)
        config.load()
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._server = await loop.create_server(lambda: HttpToolsProtocol(config, self._state, {}, loop), sock=listener)

    async def die(self) -> None:
        """Its process is gone: nothing listens, and every connection is reset."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def spec(self, mode: EngineMode = EngineMode.CHUNK, **fields: Any) -> EngineSpec:
        """Returns the engine's declaration."""
        known: dict[str, Any] = {"inputs": ("*/*",), "outputs": ("application/json",), **fields}
        address = EngineAddress(url=self.url, private=True)
        return EngineSpec(
            id="sample", name="Sample", category_id="test", kind=EngineKind.HTTP, mode=mode, address=address, **known
        )

    async def watch(self, sent: Sent) -> None:
        """Returns when the server has closed the connection of this call."""
        while (await sent.request.receive())["type"] != "http.disconnect":
            pass
        self.gone.set()

    def later(self, work: Awaitable[Any]) -> None:
        """The work goes on when the call was answered."""

        async def run() -> Any:
            return await work

        self.background.append(asyncio.create_task(run()))

    async def _ready(self, request: Request) -> Response:
        self.asked += 1
        return PlainTextResponse("OK" if self.ready == 200 else "no", self.ready)

    async def _process(self, request: Request) -> Response:
        async with request.form(max_part_size=1 << 28) as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            file = form.get("chunk")
            chunk = await file.read() if isinstance(file, UploadFile) else None
            kind = file.content_type if isinstance(file, UploadFile) else None
            sent = Sent(fields, chunk, kind, dict(request.headers), request)
            self.sent.append(sent)
            self.called.set()
            return await self.do(self, sent)


@asynccontextmanager
async def engine(do: Do = nothing, **fields: Any) -> AsyncIterator[SampleEngine]:
    """Yields a running engine. Afterwards it is gone."""
    sample = SampleEngine(do, **fields)
    await sample.start()
    try:
        yield sample
    finally:
        for task in sample.background:
            task.cancel()
        await asyncio.gather(*sample.background, return_exceptions=True)
        await sample.die()
