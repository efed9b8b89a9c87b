"""The ASGI application. It only sends each path to its interface."""

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from enginehouse.api.edge import routes as edge
from enginehouse.api.graphql.transport import graphql
from enginehouse.api.readiness import Readiness
from enginehouse.api.v1 import routes as v1
from enginehouse.operations.house import House

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_NOWHERE = (
    b'{"id":"not_found","description":"There is no such path.","detail":"Try /edge/v1/ping or POST /v3/graphql."}'
)


def application(house: House) -> Application:
    """Returns the application that serves `/edge/v1/…`, `/v3/graphql` and our own `/api/v1/…` from this house."""
    documented = edge.interface(lambda: house)
    own = v1.interface(lambda: house)
    data = graphql(house)
    readiness = Readiness(house)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith(edge.BASE + "/"):
            await documented(scope, receive, send)
        elif path in ("/v3/graphql", "/v3/graphql/"):
            await data(scope, receive, send)
        elif path.startswith(v1.BASE + "/"):
            await own(scope, receive, send)
        elif path == "/readyz":
            await _send(send, *await readiness.look())
        else:
            await _send(send, 404, _NOWHERE)

    return serve


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
