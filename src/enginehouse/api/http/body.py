"""Reads the body of a request: only JSON, and not more than the limit."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from enginehouse.domain.errors import InvalidInput, TooLarge, excerpt

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY: Final = 10_000_000

# If a client sends too much, this many bytes are read, for this many seconds, before the connection is closed.
_PASSED_OVER: Final = 10 * MAX_BODY
_PATIENCE: Final = 5.0


class DisconnectedError(Exception):
    """The client disconnected before its whole body had arrived. Nobody waits for a response."""


async def read(receive: Receive, *, length: bytes | None, limit: int = MAX_BODY) -> bytes:
    """Returns the whole body. Raises TooLarge if more than `limit` bytes are declared (`length`) or have arrived."""
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        await _pass_over(receive)
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
        more = message.get("more_body")
        if len(whole) > limit:
            whole.clear()
            if more:
                await _pass_over(receive)
            raise _too_large(limit)
        if not more:
            return bytes(whole)
        message = await receive()


def check_json(content_type: bytes | None) -> None:
    """The body may be JSON: it has no content type or a JSON one. Raises InvalidInput."""
    if content_type is None or content_type == b"application/json":
        return
    kind = content_type.partition(b";")[0].strip().lower()
    if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
        raise InvalidInput(f"Content-Type: {excerpt(kind.decode('latin-1'))} is not understood; send application/json.")


async def _pass_over(receive: Receive) -> None:
    """Reads and drops the rest of the body. A client that is disconnected while it sends cannot read the response."""
    left = _PASSED_OVER
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"Request body is larger than {limit // 1_000_000} MB. Upload data as an asset and pass its id.")
