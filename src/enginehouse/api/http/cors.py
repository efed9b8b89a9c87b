"""Cross-origin requests: pages of other origins may call the API with a token in a header, never with a cookie.

This is the CORS protocol of the Fetch standard. No response allows credentials. So a page can only use a token that it
has itself, and any origin is allowed by default.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from typing import Any, Final

from enginehouse.domain.request_notes import SHARED_HEADERS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]
Headers = tuple[tuple[bytes, bytes], ...]

ANY: Final = "*"

_METHODS: Final = (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
_MAX_AGE: Final = (b"access-control-max-age", b"7200")  # seconds; no browser keeps a longer time
_REQUEST_HEADERS: Final = (
    b"authorization, api_key, content-type, idempotency-key, last-event-id, range, x-correlation-id, x-request-id, "
    b"x-veritone-application, veritone-correlation-id, traceparent, tracestate"
)
_NAMES: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")
_EXPOSED: Final = (b"access-control-expose-headers", b"*")  # every header, since no request has credentials
_VARY: Final = (b"vary", b"origin")
_TO_ANY: Final = ((b"access-control-allow-origin", b"*"),)
_ANYBODYS: Final[tuple[Headers, Headers]] = (_TO_ANY, (*_TO_ANY, _EXPOSED))


def shared(application: Application, origins: Sequence[str]) -> Application:
    """Returns the application for pages of these origins too; `*` is any. Without origins it is unchanged."""
    if not origins:
        return application
    any_origin, named = ANY in origins, frozenset(origin.encode() for origin in origins)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        common, added = _ANYBODYS if any_origin else _granted(_header(scope, b"origin"), named)
        if scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            await _answer_preflight(scope, send, common, allowed=added is not common)
            return
        scope[SHARED_HEADERS] = added

        async def send_shared(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await application(scope, receive, send_shared)

    return serve


def _granted(origin: bytes, named: frozenset[bytes]) -> tuple[Headers, Headers]:
    """Returns the headers of every response to a page of this origin, and those with the ones of a grant."""
    if origin not in named:
        refused = (_VARY,)
        return refused, refused
    granted = ((b"access-control-allow-origin", origin), _VARY)
    return granted, (*granted, _EXPOSED)


async def _answer_preflight(scope: Scope, send: Send, headers: Headers, *, allowed: bool) -> None:
    """Answers what a browser asks before it sends a request. Every header may be sent, since none is a credential."""
    if allowed:
        names = _header(scope, b"access-control-request-headers")
        wanted = names if _NAMES.fullmatch(names) else _REQUEST_HEADERS
        headers = (*headers, _METHODS, (b"access-control-allow-headers", wanted), _MAX_AGE)
    await send({"type": "http.response.start", "status": 204, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
