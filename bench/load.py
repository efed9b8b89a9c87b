"""Many keep-alive HTTP clients in one event loop. They are so light that only the server is measured."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat, takewhile
from typing import Any, cast

WARM_UP = 0.3
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class RefusedError(Exception):
    """The server did not respond with success."""


@dataclass(frozen=True, slots=True)
class Place:
    """The address of the server, and the token of the caller."""

    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> bytes:
        """Returns a whole request, which can be sent many times. `key` is its idempotency key."""
        content = b"" if body is None else json.dumps(body).encode()
        keyed = "" if key is None else f"Idempotency-Key: {key}\r\n"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.token}\r\n{keyed}"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def graphql(self, query: str, **variables: Any) -> bytes:
        return self.request("POST", "/v3/graphql", {"query": query, "variables": variables})


@dataclass(frozen=True, slots=True)
class Load:
    """The result: the number of responses, the seconds of all, and the wait for each (sorted, seconds)."""

    seconds: float
    waits: list[float]

    @property
    def per_second(self) -> float:
        return len(self.waits) / self.seconds


async def rate(place: Place, request: bytes, *, clients: int, seconds: float) -> float:
    """Returns the responses per second to `clients` that repeat the same request, after a short warm-up."""
    await drive(place, until(WARM_UP, request), clients=clients)
    return (await drive(place, until(seconds, request), clients=clients)).per_second


async def drive(place: Place, requests: Iterable[bytes], *, clients: int, keep: list[bytes] | None = None) -> Load:
    """Every request has got a successful response. The bodies of the responses are added to `keep`.

    Raises RefusedError on the first response that is not 2xx or has GraphQL errors.
    """
    loop = asyncio.get_running_loop()
    source = iter(requests)
    waits: list[float] = []
    ends = [loop.create_future() for _ in range(clients)]
    started = time.perf_counter()
    for end in ends:
        await loop.create_connection(
            lambda end=end: _Client(source, end, waits, keep),  # type: ignore[misc]
            place.host,
            place.port,
        )
    await asyncio.gather(*ends)
    return Load(time.perf_counter() - started, sorted(waits))


async def answers(place: Place, requests: Iterable[bytes], *, clients: int = 1) -> list[Any]:
    """Returns the responses, read as JSON. With one client they are in the order of the requests."""
    kept: list[bytes] = []
    await drive(place, requests, clients=clients, keep=kept)
    return [json.loads(body) for body in kept]


def until(seconds: float, request: bytes) -> Iterator[bytes]:
    return during(seconds, repeat(request))


def during(seconds: float, requests: Iterable[bytes]) -> Iterator[bytes]:
    """Returns the requests, until the seconds have passed."""
    end = time.perf_counter() + seconds
    return takewhile(lambda _: time.perf_counter() < end, requests)


class _Client(asyncio.Protocol):
    """One connection, which has one open request at a time."""

    def __init__(
        self, source: Iterator[bytes], end: asyncio.Future[None], waits: list[float], keep: list[bytes] | None
    ) -> None:
        self._source, self._end, self._waits, self._keep = source, end, waits, keep
        self._buffer = b""
        self._body_at = self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._whole and not self._measure():
            return
        if len(self._buffer) >= self._whole:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._end.done():
            self._end.set_exception(RefusedError(f"the server closed the connection ({exc})"))

    def _send(self) -> None:
        request = next(self._source, None)
        if request is None or self._end.done():
            if not self._end.done():
                self._end.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def _measure(self) -> bool:
        """Returns True if the head of the response has arrived, and stores the length of the whole response."""
        end = self._buffer.find(_END)
        if end < 0:
            return False
        head = self._buffer[:end].lower()
        at = head.find(_LENGTH)
        if at >= 0:
            line = head[at + len(_LENGTH) :]
            self._whole = end + len(_END) + int(line[: line.find(b"\r\n")] if b"\r\n" in line else line)
        else:
            self._whole = end + len(_END)
        self._body_at = end + len(_END)
        return True

    def _answered(self) -> None:
        self._waits.append(time.perf_counter() - self._sent)
        answer, body_at = self._buffer, self._body_at
        self._buffer, self._whole = b"", 0
        if answer[9:10] != b"2" or b'"errors":' in answer:
            if not self._end.done():
                self._end.set_exception(RefusedError(answer[:1000].decode(errors="replace")))
            self._transport.close()
            return
        if self._keep is not None:
            self._keep.append(answer[body_at:])
        self._send()
