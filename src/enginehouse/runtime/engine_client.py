"""The guarded client, as calls to engines need it: without redirects, and with failures in the words of such calls."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx

from enginehouse.domain.retry import FailureKind
from enginehouse.engines.http.client import AddressRefused, Broken, CallAnswer, Content, NotReached
from enginehouse.outgoing.body import media_type
from enginehouse.outgoing.failures import wait_of
from enginehouse.outgoing.fetch import GuardedClient, OutgoingFailed, OutgoingRefused, Timeouts

# A call may be silent for as long as its task may take; whoever calls limits the time.
TIMEOUTS: Final = Timeouts(connect=5, head=86_400, read=86_400, total=86_400)

# What a person reads who may not know the engine's address.
_NOT_REACHED: Final = {
    FailureKind.URL_CONNECTION_REFUSED: "the connection was refused",
    FailureKind.URL_TIMEOUT: "it did not take the connection in time",
    FailureKind.URL_ERROR: "its host has no address, or takes no secure connection",
}


class EngineClient:
    """An `HttpClient` over two guarded clients: `private` may reach any address, `public` perhaps only public ones."""

    def __init__(self, public: GuardedClient, private: GuardedClient) -> None:
        self._public, self._private = public, private

    @asynccontextmanager
    async def get(self, url: str, *, private: bool) -> AsyncIterator[CallAnswer]:
        async with _opened(lambda: self._client(private).get(url)) as answer:
            yield answer

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], content: Content, *, private: bool
    ) -> AsyncIterator[CallAnswer]:
        async with _opened(lambda: self._client(private).post(url, dict(headers), content())) as answer:
            yield answer

    def _client(self, private: bool) -> GuardedClient:
        return self._private if private else self._public


@asynccontextmanager
async def _opened(send: Callable[[], Awaitable[httpx.Response]]) -> AsyncIterator[CallAnswer]:
    try:
        response = await send()
    except OutgoingRefused as refused:
        raise AddressRefused(f"The engine's address is refused: {refused.message.removeprefix('url: ')}") from None
    except OutgoingFailed as failure:
        if failure.connected:
            raise Broken(_plain(failure.message)) from None
        raise NotReached(_NOT_REACHED.get(failure.kind, "it could not be reached")) from None
    try:
        given = response.headers.get("content-type")
        yield CallAnswer(
            status=response.status_code,
            media_type=None if not given else media_type(given),
            blocks=_blocks(response),
            retry_after=wait_of(response),
        )
    finally:
        await response.aclose()


async def _blocks(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for block in response.aiter_raw():
            yield block
    except httpx.TransportError as error:
        raise Broken(str(error) or type(error).__name__) from None


def _plain(message: str) -> str:
    return message.removeprefix("url: ").rstrip(".")
