"""Reads a client's URL safely: it gives no access to the network around the server.

A name is resolved once, all its addresses are checked, and the connection goes to a checked address. Every redirect is
checked in the same way. Bytes, time, headers and compression have limits.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from enginehouse.domain.retry import FailureKind
from enginehouse.outgoing.addresses import is_private_literal, is_public
from enginehouse.outgoing.body import checked_size, file_name, media_type, read
from enginehouse.outgoing.failures import OutgoingFailed, OutgoingRefused, failed

MAX_BYTES: Final = 4 << 30
_MAX_REDIRECTS: Final = 10
_MAX_URL: Final = 8192
BLANKS: Final = " \t\r\n\f\v\u00a0\u200b\ufeff"  # what copying an address leaves around it
_ADDRESSES_TRIED: Final = 4
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")  # a name or IPv4 address, or an IPv6 address
_WEB_PORTS: Final = frozenset({80, 443})
_SERVICE_PORTS: Final = frozenset(
    # databases, queues, caches, remote desktops, orchestration: they may act on any text that they receive
    {1080, 1433, 1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 3659, 4045}
    | {4190, 4369, 5060, 5061, 5432, 5433, 5672, 5900, 5984, 5985, 6000, 6379, 6380, 6432, 6443, 6566, 6665, 6666}
    | {6667, 6668, 6669, 6697, 8125, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 16379, 26379}
    | {27017, 27018, 27019, 50000}
)
__all__ = ["GuardedClient", "OutgoingFailed", "OutgoingRefused", "Response", "Timeouts"]

Resolver = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, until the head of the response (redirects included), between two reads, for everything."""

    connect: float = 10
    head: float = 30
    read: float = 30
    total: float = 1800


@dataclass(frozen=True, slots=True)
class Response:
    """An open response: `media_type` with its charset at most, `size` as declared, `body` decoded and with limits."""

    media_type: str
    name: str
    size: int | None
    body: AsyncIterator[bytes]


class GuardedClient:
    """Reads URLs of clients. `allow_private` removes the rule about addresses, and only that one.

    `allowed_ports` None means 80, 443, and every port above 1023 that has no well-known service. `verify` is for
    servers with a private authority; `resolve` returns the addresses of a name.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        max_bytes: int = MAX_BYTES,
        timeouts: Timeouts = Timeouts(),
        allowed_ports: frozenset[int] | None = None,
        verify: ssl.SSLContext | None = None,
        resolve: Resolver | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._max_bytes = max_bytes
        self._timeouts = timeouts
        self._allowed_ports = allowed_ports
        self._verify = verify
        self._resolve = resolve or self._look_up
        # A slow name server must not use up the threads that the rest of the process shares.
        self._resolver_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolver")
        self._opened: httpx.AsyncHTTPTransport | None = None

    async def aclose(self) -> None:
        """All connections are closed."""
        if self._opened is not None:
            await self._opened.aclose()
        self._resolver_threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def fetch(self, url: str, *, max_bytes: int | None = None) -> AsyncIterator[Response]:
        """Yields the 2xx response to GET `url`, after at most ten redirects. Blanks around it are ignored.

        Raises OutgoingRefused before anything is sent, OutgoingFailed otherwise. To read `body` may raise
        OutgoingFailed too.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeouts.total
        limit = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + self._timeouts.head)):
                response, final = await self._follow(url)
        except TimeoutError:
            raise OutgoingFailed(FailureKind.URL_TIMEOUT, "url: the server did not answer in time.") from None
        try:
            announced = checked_size(response, limit)
            yield Response(
                media_type=media_type(response.headers.get("content-type")),
                name=file_name(response.headers.get("content-disposition"), final.path),
                size=announced,
                body=read(response, limit, deadline),
            )
        finally:
            await response.aclose()

    async def post(self, url: str, headers: dict[str, str], content: bytes | AsyncIterator[bytes]) -> httpx.Response:
        """Returns the open response to POST `url`; close it. Redirects are not followed, and nothing limits the time.

        Raises OutgoingRefused before anything is sent, OutgoingFailed otherwise.
        """
        return await self._request("POST", self._checked(_parsed(url)), headers, content)

    async def get(self, url: str) -> httpx.Response:
        """Returns the open response to GET `url`; otherwise like `post`."""
        return await self._request("GET", self._checked(_parsed(url)), {"Accept": "*/*", "Accept-Encoding": "identity"})

    def refuse(self, url: str) -> None:
        """Raises OutgoingRefused for an address that is never sent anything. A name is not resolved."""
        parsed = self._checked(_parsed(url))
        host = parsed.raw_host.decode("ascii")
        if not self._allow_private and is_private_literal(host):
            raise OutgoingRefused(f"url: address {host} is not allowed.")

    async def _follow(self, text: str) -> tuple[httpx.Response, httpx.URL]:
        url = self._checked(_parsed(text.strip(BLANKS)))
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._request("GET", url, {"Accept": "*/*", "Accept-Encoding": "identity"})
            location = response.headers.get("location")
            if response.status_code not in (301, 302, 303, 307, 308) or location is None:
                return response, url
            await response.aclose()
            target = self._checked(_parsed(location, url))
            if url.scheme == "https" and target.scheme == "http":
                raise OutgoingRefused("url: redirected from https to http.")
            url = target
        text = f"url: redirected more than {_MAX_REDIRECTS} times."
        raise OutgoingFailed(FailureKind.URL_ERROR, text, is_final=True)

    def _checked(self, url: httpx.URL) -> httpx.URL:
        if url.scheme not in ("http", "https"):
            raise OutgoingRefused(f'url: scheme "{url.scheme[:32]}" is not allowed; use http or https.')
        if url.userinfo:
            raise OutgoingRefused("url: a user name or password in the address is not allowed.")
        if not _HOST.fullmatch(url.raw_host.decode("ascii")):
            raise OutgoingRefused("url: a host name or address is needed.")
        port = _port(url)
        allowed = (
            port in self._allowed_ports
            if self._allowed_ports is not None
            else port in _WEB_PORTS or (1023 < port < 65536 and port not in _SERVICE_PORTS)
        )
        if not allowed:
            raise OutgoingRefused(f"url: port {port} is not allowed.")
        return url

    async def _request(
        self, method: str, url: httpx.URL, headers: dict[str, str], content: bytes | AsyncIterator[bytes] | None = None
    ) -> httpx.Response:
        host = url.raw_host.decode("ascii")
        problem: httpx.TransportError | None = None
        for address in await self._addresses(host, _port(url)):
            request = httpx.Request(
                method,
                url.copy_with(host=address),
                headers={"Host": url.netloc.decode("ascii"), "User-Agent": "enginehouse", **headers},
                content=content,
                extensions={
                    # The connection goes to the address, but the certificate belongs to the name.
                    "sni_hostname": host.rstrip("."),
                    "timeout": httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect).as_dict(),
                },
            )
            try:
                return await self._transport().handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
            except httpx.TransportError as error:
                raise failed(error) from error
        assert problem is not None  # noqa: S101 - there is at least one address
        raise failed(problem) from problem

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(self._timeouts.connect):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise OutgoingFailed(FailureKind.URL_TIMEOUT, f'url: host "{host}" was not resolved in time.') from None
        except socket.gaierror as error:
            # The name server may answer later, but a name that does not exist will not exist then either.
            is_final = error.errno not in (socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM, socket.EAI_MEMORY)
            text = f'url: host "{host}" has no address.'
            raise OutgoingFailed(FailureKind.URL_ERROR, text, is_final=is_final) from None
        except (OSError, UnicodeError, ValueError):
            addresses = []
        if not addresses:
            raise OutgoingFailed(FailureKind.URL_ERROR, f'url: host "{host}" has no address.', is_final=True)
        if not self._allow_private:
            # One private address among public ones is enough to refuse the name. Else chance would decide which one is
            # used.
            for address in addresses:
                if not is_public(address):
                    raise OutgoingRefused(
                        f"url: address {address} is not allowed. "
                        "Start the server with --allow-private-urls to reach private addresses."
                    )
        return addresses[:_ADDRESSES_TRIED]

    async def _look_up(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._resolver_threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        # An address with a zone (fe80::1%eth0) belongs to one link and cannot be part of a URL.
        return [address for address in dict.fromkeys(str(entry[4][0]) for entry in found) if "%" not in address]

    def _transport(self) -> httpx.AsyncHTTPTransport:
        if self._opened is None:
            self._opened = httpx.AsyncHTTPTransport(
                verify=self._verify or httpx.create_ssl_context(),
                trust_env=False,
                # httpx pools connections by address. A connection that is kept for one name must never serve another
                # name.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            )
        return self._opened


def _parsed(text: str, relative_to: httpx.URL | None = None) -> httpx.URL:
    try:
        if len(text) > _MAX_URL:
            raise httpx.InvalidURL(f"longer than {_MAX_URL} characters")
        return httpx.URL(text) if relative_to is None else relative_to.join(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise OutgoingRefused(f"url: not a valid address ({error}).") from None


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else 443 if url.scheme == "https" else 80
