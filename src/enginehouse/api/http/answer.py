"""Sends an answer whose body is known, in one call where the protocol of the connection has one."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from enginehouse.domain.request_notes import SEND_WHOLE, SHARED_HEADERS, STATUS

Fields = tuple[tuple[bytes, bytes], ...]
WITHOUT_BODY: Final = frozenset({204, 304})


async def send_answer(
    scope: MutableMapping[str, Any],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    status: int,
    body: bytes,
    headers: Fields,
    own: Fields,
) -> None:
    """The answer is sent. `headers` are the same for many answers, `own` are of this one; neither has the length."""
    whole = scope.get(SEND_WHOLE)
    if whole is not None and whole(status, (*headers, *scope.get(SHARED_HEADERS, ())), own, body):
        scope[STATUS] = status
        return
    length = () if status in WITHOUT_BODY else ((b"content-length", b"%d" % len(body)),)
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own, *length]})
    await send({"type": "http.response.body", "body": body})
