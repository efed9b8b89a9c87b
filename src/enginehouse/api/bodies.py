"""How the body of a request is taken in: only JSON, and never more than the limit."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from enginehouse.domain.errors import InvalidInput, TooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

MAX_BODY: Final = 10 * 1024 * 1024


class DisconnectedError(Exception):
    """The client has gone before its body was here; nobody waits for an answer."""


async def read(receive: Receive, *, length: bytes | None, limit: int = MAX_BODY) -> bytes:
    """The whole body. Raises TooLarge as soon as more than `limit` bytes are announced (`length`) or have come."""
    if length is not None and length.isdigit() and int(length) > limit:
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


def check_json(content_type: bytes | None) -> None:
    """Returns when the body may be JSON: nothing is said about it, or `application/json`. Raises InvalidInput."""
    if content_type is None or content_type == b"application/json":
        return
    kind = content_type.partition(b";")[0].strip().lower()
    if kind not in {b"", b"application/json"} and not kind.endswith(b"+json"):
        raise InvalidInput(f'Content-Type: "{kind.decode("latin-1")[:60]}" is not understood; send application/json.')


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"Request body is larger than {limit >> 20} MB. Upload data as an asset and pass its id.")
