"""What is followed as server-sent events: in order, as fast as the client reads, until it or the connection ends."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from enginehouse.api.http import body
from enginehouse.api.v1.event_shapes import StreamEnded, StreamRefused
from enginehouse.domain.errors import AuthenticationFailed, NotFound, Unavailable
from enginehouse.domain.status import JobStatus

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CHECKED_EVERY: Final = 15.0  # seconds; the caller's token must still be valid
_PATIENCE: Final = 60.0  # seconds that a client may read nothing
_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
_FIRST: Final = b"retry: 1000\n\n"
_HEARTBEAT: Final = b": still here\n\n"
_STOPPING: Final = b": the server is stopping\n\n"
_encode: Final = msgspec.json.Encoder().encode


T = TypeVar("T")


class Followed(Protocol[T]):
    """A follower of a job or an organization. After None from `next` it says why, unless the server stops."""

    @property
    def ended(self) -> JobStatus | None: ...
    @property
    def gone(self) -> bool: ...
    async def next(self, seconds: float) -> list[T] | None: ...
    def close(self) -> None: ...


class EventStream(Generic[T]):
    """The response to a request for a stream. When either side ends it, it frees everything."""

    def __init__(
        self,
        following: Followed[T],
        block: Callable[[T], bytes],
        *,
        check: Callable[[], Awaitable[None]],
        heartbeat: float,
    ) -> None:
        self.raw_headers: list[tuple[bytes, bytes]] = list(_HEADERS)
        self._following = following
        self._block = block
        self._check = check
        self._heartbeat = heartbeat

    async def __call__(self, scope: MutableMapping[str, Any], receive: body.Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            connected = scope["method"] == "HEAD" or await self._until_one_ends(receive, send)
        finally:
            self._following.close()
        if connected:
            await send({"type": "http.response.body", "body": b""})

    async def _until_one_ends(self, receive: body.Receive, send: Send) -> bool:
        """Sends until the stream ends or the client disconnects. Returns True if the client is still connected."""
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.wait({sending, leaving})
        return not sending.cancelled() and sending.result()

    async def _send_all(self, send: Send) -> bool:
        async def write(block: bytes) -> None:
            async with asyncio.timeout(_PATIENCE):
                await send({"type": "http.response.body", "body": block, "more_body": True})

        try:
            await write(_FIRST)
            await write(await self._send_events(write))
        except TimeoutError:
            return False  # the client may connect again and continue after its last event
        return True

    async def _send_events(self, write: Callable[[bytes], Awaitable[None]]) -> bytes:
        """Sends everything that is new. Returns the last block."""
        checked = monotonic()
        try:
            while (events := await self._following.next(self._heartbeat)) is not None:
                if monotonic() - checked >= _CHECKED_EVERY:
                    await self._check()
                    checked = monotonic()
                await write(b"".join(map(self._block, events)) or _HEARTBEAT)
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


async def _disconnected(receive: body.Receive) -> None:
    """The client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _last(name: str, value: StreamEnded | StreamRefused) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(value))
