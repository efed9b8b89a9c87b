"""What the parser says of the request that a connection reads now."""

import asyncio
from typing import Any
from urllib.parse import unquote

from uvicorn import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from enginehouse.http_protocol import head as heads


class RequestReader(HttpToolsProtocol):
    """uvicorn's protocol, which the parser calls. It keeps what the head says, and gives the body to the exchange."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_ended = False
        self._message_ended = False
        self._keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """The header is kept. Trailers are not: they would change a request that already runs."""
        if not self._head_ended:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The version and the method are known. The request begins when its whole head is checked."""
        version = self.parser.get_http_version()
        self._head_ended = True
        self._keeps_alive = version != "1.0" and self.parser.should_keep_alive()
        self.scope["http_version"] = version
        self.scope["method"] = self.parser.get_method().decode("ascii")

    def on_body(self, body: bytes) -> None:
        """The application can read this piece of the body, unless it has responded already."""
        exchange = self.cycle
        if not exchange.response_complete:
            exchange.body += body
            if len(exchange.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            exchange.message_event.set()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._message_ended = True
        if self.cycle is not None and self.cycle.scope is self.scope:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _set_path(self) -> None:
        raw, query = heads.path_and_query(self.url)
        path = raw.decode("ascii")
        self.scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        self.scope["raw_path"] = self.root_path.encode("ascii") + raw
        self.scope["query_string"] = query
