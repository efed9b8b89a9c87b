"""Reads the body of a request, not more than the limit.

What parses as JSON is JSON: clients send it under labels of forms and of plain text.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeVar

from enginehouse.domain.errors import TooLarge

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY: Final = 10_000_000


class DisconnectedError(Exception):
    """The client disconnected before its whole body had arrived. Nobody waits for a response."""


async def read(receive: Receive, *, length: bytes | None, limit: int = MAX_BODY) -> bytes:
    """Returns the whole body. Raises TooLarge if more than `limit` bytes are declared (`length`) or have arrived.

    The rest is not read. The connection drops it, so that the client can read the response (`http_protocol`).
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


async def gone(receive: Receive) -> None:
    """Returns when the client has disconnected. The body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, waiting: Awaitable[T]) -> T:
    """Returns what is waited for. Raises DisconnectedError if the client leaves before; then the wait is cancelled."""
    result, leaving = asyncio.ensure_future(waiting), asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait({result, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise DisconnectedError
        return result.result()
    finally:
        result.cancel()
        leaving.cancel()
        await asyncio.wait({result, leaving})


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"Request body is larger than {limit // 1_000_000} MB. Upload data as an asset and pass its id.")
