"""Knows how a followed job is told as server-sent events: in order, at the reader's pace, until one of the two ends."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any, Final

import msgspec

from enginehouse.api.http import body
from enginehouse.api.v1.event_shapes import EventShown, StreamEnded, StreamRefused
from enginehouse.domain.errors import AuthenticationFailed, NotFound, Unavailable
from enginehouse.domain.event import Event
from enginehouse.operations.events import Following

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CHECKED_EVERY: Final = 15.0  # whether the caller's token is still good
_PATIENCE: Final = 60.0  # for a reader who takes nothing
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_FIRST: Final = b"retry: 1000\n\n"
_HEARTBEAT: Final = b": still here\n\n"
_STOPPING: Final = b": the server is stopping\n\n"
_encode: Final = msgspec.json.Encoder().encode


class EventStream:
    """The answer to a request for a stream. Nothing of it is left when it ends, whoever ended it."""

    def __init__(
        self,
        following: Following,
        shown: Callable[[Event], EventShown],
        *,
        check: Callable[[], Awaitable[None]],
        heartbeat: float,
    ) -> None:
        self.raw_headers: list[tuple[bytes, bytes]] = list(_HEADERS)
        self._following = following
        self._shown = shown
        self._check = check
        self._heartbeat = heartbeat

    async def __call__(self, scope: MutableMapping[str, Any], receive: body.Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            listens = scope["method"] == "HEAD" or await self._until_one_ends(receive, send)
        finally:
            self._following.close()
        if listens:
            await send({"type": "http.response.body", "body": b""})

    async def _until_one_ends(self, receive: body.Receive, send: Send) -> bool:
        """Everything was told, or the client is not to be told any more: whether he still listens."""
        telling = asyncio.create_task(self._tell(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            telling.cancel()
            await asyncio.wait({telling, leaving})
        return not telling.cancelled() and telling.result()

    async def _tell(self, send: Send) -> bool:
        async def tell(block: bytes) -> None:
            async with asyncio.timeout(_PATIENCE):
                await send({"type": "http.response.body", "body": block, "more_body": True})

        try:
            await tell(_FIRST)
            await tell(await self._told(tell))
        except TimeoutError:
            return False  # he may come back and go on where he was
        return True

    async def _told(self, tell: Callable[[bytes], Awaitable[None]]) -> bytes:
        """Everything has been told; answers the last block."""
        checked = monotonic()
        try:
            while (events := await self._following.next(self._heartbeat)) is not None:
                if monotonic() - checked >= _CHECKED_EVERY:
                    await self._check()
                    checked = monotonic()
                await tell(b"".join(map(self._block, events)) or _HEARTBEAT)
        except NotFound:
            return _last("end", StreamEnded("deleted"))
        except AuthenticationFailed as refused:
            return _last("refused", StreamRefused(refused.code, refused.message))
        except Unavailable:
            return _STOPPING
        if self._following.gone:
            return _last("end", StreamEnded("deleted"))
        if self._following.ended is None:
            return _STOPPING
        return _last("end", StreamEnded(self._following.ended.value))

    def _block(self, event: Event) -> bytes:
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.kind.encode(), _encode(self._shown(event)))


async def _left(receive: body.Receive) -> None:
    """The client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _last(name: str, value: StreamEnded | StreamRefused) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(value))
