"""The connection to a server. One HTTP client serves both interfaces, and every refusal is the same exception."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Final, Self
from urllib.parse import unquote

import httpx

from enginehouse.client.failure import Json, RequestFailed, refusal
from enginehouse.client.messages import present

SILENCE: Final = 120.0  # seconds that a request may be without an answer
BLOCK: Final = 1 << 20
_WARNING: Final = "X-Enginehouse-Warning"


def limits_of(silence: float) -> httpx.Timeout:
    """Returns the time limits of a request that may be without an answer so many seconds."""
    return httpx.Timeout(min(30.0, silence), connect=min(5.0, silence), read=silence)


def options_of(url: str, token: str | None, timeout: httpx.Timeout) -> dict[str, Any]:
    """Returns the options of an HTTP client of this server, blocking or not."""
    # A client does not use the proxies of the caller's environment. Without TLS there is no certificate to verify,
    # and to read those of the machine takes longer than most commands.
    return {
        "base_url": url,
        "headers": {"authorization": f"Bearer {token}"} if token else {},
        "timeout": timeout,
        "trust_env": False,
        "verify": not url.startswith("http://"),
    }


OpenFile = Callable[[Path], AbstractContextManager[BinaryIO]]
"""Opens a file that is sent. Raises OSError."""


def open_binary(path: Path) -> AbstractContextManager[BinaryIO]:
    """Returns the open file. Raises OSError."""
    return path.open("rb")


class ServerConnection:
    """A server at `url` and the token that every request carries. Close it, or use it in a `with`.

    `open_file` opens the files that are sent, so that a caller can see how much of them was read.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timeout: float = SILENCE,
        transport: httpx.BaseTransport | None = None,
        open_file: OpenFile = open_binary,
    ) -> None:
        self.url = url.rstrip("/")
        self._open_file = open_file
        self._http = httpx.Client(**options_of(self.url, token, limits_of(timeout)), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """The connections to the server are closed."""
        self._http.close()

    def rest(self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Any:
        """Returns the body of a REST response, None if there is none. `path` begins at the root.

        A query parameter that is None is not sent. A request that is sent again with the same idempotency `key` is done
        once. Raises RequestFailed.
        """
        response = self._rest(method, path, body, key, query)
        return _json(response) if response.content else None

    def rest_with_warnings(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[Any, list[str]]:
        """Returns the body of a REST response, and the server's warnings. Raises RequestFailed."""
        response = self._rest(method, path, body, key, {})
        return _json(response), [unquote(text) for text in response.headers.get_list(_WARNING)]

    def _rest(self, method: str, path: str, body: Any, key: str | None, query: Json) -> httpx.Response:
        content: Json = {} if body is None else {"json": body}
        response = self._send(method, path, params=present(query), headers=_idempotency(key), **content)
        _check(response)
        return response

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, key: str | None = None) -> Json:
        """Returns the data of a GraphQL response. Raises RequestFailed with the first error.

        A mutation that is sent again with the same idempotency `key` is done once.
        """
        body = {"query": query, "variables": dict(variables or {})}
        return _data(self._send("POST", "/v3/graphql", json=body, headers=_idempotency(key)))

    def graphql_with_file(self, query: str, file: Path, *, name: str, media_type: str) -> Json:
        """Returns the data of a GraphQL response to a request with one upload. The file is read while it is sent.

        Raises RequestFailed, and OSError when the file cannot be read.
        """
        with self._open_file(file) as body:
            parts = {"file": (name, body, media_type)}
            return _data(self._send("POST", "/v3/graphql", data={"query": query}, files=parts))

    def send_file(
        self, path: str, file: Path, media_type: str, *, headers: Mapping[str, str], key: str | None = None
    ) -> httpx.Response:
        """Returns the response to a POST of the file's bytes, which are read while they are sent.

        Raises RequestFailed, OSError.
        """
        sent = {**headers, "Content-Type": media_type, "Content-Length": str(file.stat().st_size)}
        with self._open_file(file) as content:
            response = self._send("POST", path, content=content, headers={**sent, **_idempotency(key)})
        _check(response)
        return response

    def stream(self, path: str) -> Iterator[bytes]:
        """Yields the bytes of the response as they come. Raises RequestFailed."""
        try:
            with self._http.stream("GET", path) as response:
                _check(response)
                yield from response.iter_bytes(BLOCK)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def lines(self, path: str, *, silence: float, headers: Mapping[str, str], **query: Any) -> Iterator[str]:
        """Yields the lines of the response as they come. A server that is silent for `silence` seconds is unreachable.

        Raises RequestFailed.
        """
        try:
            with self._http.stream(
                "GET", path, headers=dict(headers), params=present(query), timeout=limits_of(silence)
            ) as response:
                _check(response)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> RequestFailed:
        why = str(error) or type(error).__name__
        return RequestFailed("unreachable", f"The server at {self.url} does not answer ({why}). Is it running?")


def _idempotency(key: str | None) -> dict[str, bytes]:
    # The key is sent as bytes, so that the server, and not httpx, checks it.
    return {} if key is None else {"Idempotency-Key": key.encode()}


def _data(response: httpx.Response) -> Json:
    _check(response, is_graphql=True)
    data: Json = _json(response)["data"]
    return data


def _check(response: httpx.Response, *, is_graphql: bool = False) -> None:
    """Raises RequestFailed if this response is a refusal. Its body may not be read before."""
    if response.is_error or is_graphql:
        failure = refusal(response.status_code, response.read(), is_graphql=is_graphql)
        if failure is not None:
            raise failure


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        url = response.url.copy_with(query=None)
        text = f"{url} did not answer JSON (HTTP {response.status_code}); is it an Enginehouse?"
        raise RequestFailed("error", text, response.status_code) from None
