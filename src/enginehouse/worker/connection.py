"""The HTTP connection of a worker to its server. A refusal is the same exception as inside the server."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, Self, TypeVar

import httpx
import msgspec

from enginehouse import __version__
from enginehouse.domain.errors import (
    IntegrityError,
    InvalidInput,
    NotFound,
    Refusal,
    StaleAttempt,
    TooLarge,
    Unavailable,
)
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.wire.worker import DIRECT, STORE_AWAY
from enginehouse.worker.direct_transfers import Content, DirectTransfers, StoreAway

_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_LIMITS: Final = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=20.0)
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOT_ACCEPTED: Final = frozenset({401, 403})

T = TypeVar("T")


class ResultBody(msgspec.Struct, Generic[T], kw_only=True):
    """The envelope of a response of `/api/v1`."""

    result: T


class TokenRefused(Exception):
    """The server does not accept the worker's token, or not any more. The message is the server's."""


class ServerAway(Unavailable):
    """The server did not answer, or cannot answer now. It may have done what was asked.

    `retry_after`: the seconds after which it wants the next request, None if it did not say. `is_store`: the server is
    there, but the store of the bytes is away.
    """

    def __init__(self, message: str, *, reason: str, retry_after: float | None = None, is_store: bool = False) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after
        self.is_store = is_store

    def for_attempt(self) -> Unavailable:
        """Returns the error of an attempt that has waited long enough. Nobody is charged for a store that is away."""
        return StoreUnavailable(reason=self.reason, retry_after=int(self.retry_after or 0)) if self.is_store else self


class Connection:
    """Requests to the server at `url`, each with the token. Close it, or use it in an `async with`."""

    def __init__(self, url: str, token: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self.direct = DirectTransfers()
        # A worker does not use the proxies of its environment. Without TLS there is no certificate to verify.
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"authorization": f"Bearer {token}", "user-agent": f"enginehouse-worker/{__version__}"},
            timeout=_TIMEOUT,
            limits=_LIMITS,
            trust_env=False,
            transport=transport,
            verify=not self.url.startswith("http://"),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """The connections are closed."""
        await self._http.aclose()
        await self.direct.close()

    async def send(
        self,
        method: str,
        path: str,
        content: Content = b"",
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        silence: float = 0.0,
    ) -> bytes:
        """Returns the body of the response. `silence`: seconds more than usual in which the server may say nothing.

        Raises ServerAway, TokenRefused, and the refusals of the server: NotFound, StaleAttempt, InvalidInput, TooLarge,
        IntegrityError.
        """
        timeout = httpx.Timeout(30.0 + silence, connect=5.0)
        try:
            response = await self._http.request(
                method, path, content=content, headers=headers, params=query, timeout=timeout
            )
        except httpx.HTTPError as error:
            raise self._away(type(error).__name__) from error
        if response.is_error:
            raise self._refusal(response)
        return response.content

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yields the body of a GET in pieces, from this server or from where it sends the reader. Raises as `send`."""
        headers = {DIRECT: "true"} if self.direct.works else None
        try:
            async with self._http.stream("GET", path, headers=headers) as response:
                if response.is_error:
                    await response.aread()
                    raise self._refusal(response)
                if response.has_redirect_location:
                    async with self.direct.stream(response.headers["location"]) as blocks:
                        yield blocks
                else:
                    yield response.aiter_bytes(1 << 18)
        except (httpx.HTTPError, StoreAway) as error:
            raise self._away(type(error).__name__) from error

    def _away(self, reason: str, retry_after: float | None = None, *, is_store: bool = False) -> ServerAway:
        text = f"The server at {self.url} does not answer."
        return ServerAway(text, reason=reason, retry_after=retry_after, is_store=is_store)

    def _refusal(self, response: httpx.Response) -> Exception:
        code, text = _said(response)
        status = response.status_code
        if status in _NOT_ACCEPTED:
            return TokenRefused(text)
        if (kind := _REFUSALS.get(code)) is not None:
            return kind(text)
        if status in _LATER:
            return self._away(f"HTTP {status}", _seconds(response), is_store=STORE_AWAY in response.headers)
        return InvalidInput(text or f"HTTP {status}")


def parse(raw: bytes, kind: type[T]) -> T:
    """Returns what the server says. Raises ServerAway if another program, such as a proxy, has answered."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ServerAway("The answer is not one of an Enginehouse server.", reason="unreadable answer") from None


class _Missing(NotFound):
    """What the request named is not there, in the server's words."""

    def __init__(self, text: str) -> None:
        Refusal.__init__(self, text)
        self.object_type, self.object_id, self.path = "", "", ""


_REFUSALS: Final[dict[str, Callable[[str], Refusal]]] = {
    "integrity_error": IntegrityError,
    "stale_attempt": StaleAttempt,
    "not_found": _Missing,
    "too_large": TooLarge,
}


def _said(response: httpx.Response) -> tuple[str, str]:
    """Returns the code and the sentence of a refusal. Another program than an Enginehouse may have answered."""
    try:
        body: Any = response.json()
        return str(body["id"]), str(body.get("detail") or body["description"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", f"HTTP {response.status_code} from {response.url.host}"


def _seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
