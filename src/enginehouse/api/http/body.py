"""Reads the body of a request: only JSON, and not more than the limit."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from enginehouse.domain.errors import InvalidInput, TooLarge, excerpt

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY: Final = 10_000_000


class DisconnectedError(Exception):
    """The client disconnected before its whole body had arrived. Nobody waits for a response."""


async def read(receive: Receive, *, length: bytes | None, limit: int = MAX_BODY) -> bytes:
    """Returns the whole body. Raises TooLarge if more than `limit` bytes are declared (`length`) or have arrived.

    The rest is not read. The connection drops it, so that the client can read the response (`server.http`).
    """
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    whole = bytearray()
    while True:
        if message["type"] != "http.request":
            raise DisconnectedError
        whole += message.get("body", b"")
        if len(whole) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(whole)
        message = await receive()


async def stream(receive: Receive) -> AsyncIterator[bytes]:
    """Yields the body in pieces as they arrive. Raises DisconnectedError if the client left before the end."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise DisconnectedError
        yield message.get("body", b"")
        more = bool(message.get("more_body"))


def check_json(content_type: bytes | None) -> None:
    """The body may be JSON: it has no content type or a JSON one. Raises InvalidInput."""
    if content_type is None or content_type == b"application/json":
        return
    kind = content_type.partition(b";")[0].strip().lower()
    if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
        raise InvalidInput(f"Content-Type: {excerpt(kind.decode('latin-1'))} is not understood; send application/json.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"Request body is larger than {limit // 1_000_000} MB. Upload data as an asset and pass its id.")
