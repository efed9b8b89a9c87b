"""`GET /v3/graphiql`: a page for browsers that sends GraphQL requests (graphql-contract §1.1).

Everything that it loads is in this package (`vendored/NOTICE.txt`). It asks for a token and keeps it in the tab.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.resources import files
from typing import Any, Final, NamedTuple

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATH: Final = "/v3/graphiql"
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES: Final = {
    "index.html": "browser",
    "page.css": "browser",
    "page.js": "browser",
    "graphiql.min.css": "vendored",
    "graphiql.min.js": "vendored",
    "react.production.min.js": "vendored",
    "react-dom.production.min.js": "vendored",
}
"""The files that browsers load, and their folders."""

_TYPES: Final = {"html": b"text/html", "css": b"text/css", "js": b"text/javascript"}
_METHODS: Final = ("GET", "HEAD")


class _File(NamedTuple):
    content: bytes
    etag: bytes


class BrowserPage:
    """Serves the page and what it loads. A file is read when it is first requested."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answers a request for `/v3/graphiql` or one of its files; for another path of GraphQL it sends the page."""
        path: str = scope["path"]
        if scope["method"] not in _METHODS:
            await _send(scope, send, 405, b"This address has a page for browsers.\n", [(b"allow", b"GET, HEAD")])
            return
        if path.endswith("/"):
            # The addresses in the page are relative, so that it works behind a proxy that adds a prefix.
            place = path.rstrip("/").rpartition("/")[2]
            await _send(scope, send, 308, b"", [(b"location", b"../" + place.encode())])
            return
        name = path.removeprefix(f"{PATH}/") if path.startswith(f"{PATH}/") else "index.html"
        if name not in FILES:
            await _send(scope, send, 404, b"There is no such file.\n", [])
            return
        await self._send_file(scope, send, name)

    async def _send_file(self, scope: Scope, send: Send, name: str) -> None:
        file = self._files.get(name)
        if file is None:
            content = await asyncio.to_thread(files(__package__).joinpath(FILES[name], name).read_bytes)
            file = self._files[name] = _File(content, b'"%b"' % hashlib.sha256(content).hexdigest()[:32].encode())
        headers = [
            (b"etag", file.etag),
            (b"cache-control", b"no-cache"),
            (b"vary", b"accept"),
            (b"content-security-policy", POLICY),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]
        if _header(scope, b"if-none-match") == file.etag:
            await _send(scope, send, 304, b"", headers)
            return
        await _send(scope, send, 200, file.content, headers, _TYPES[name.rpartition(".")[2]])


def wants_page(scope: Scope) -> bool:
    """Returns whether a browser opens this address: a GET that names HTML among what it accepts."""
    return scope["method"] in _METHODS and b"text/html" in _header(scope, b"accept").lower()


async def _send(
    scope: Scope, send: Send, status: int, content: bytes, headers: Headers, kind: bytes = b"text/plain"
) -> None:
    if status != 304:
        headers = [*headers, (b"content-type", kind + b"; charset=utf-8"), (b"content-length", b"%d" % len(content))]
    headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")
