"""How a client speaks to a server: both interfaces over one connection, every refusal as one exception."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx

_SECONDS: Final = httpx.Timeout(30.0, connect=5.0, read=120.0)
_BLOCK: Final = 1 << 20


class RequestFailed(Exception):
    """The server refused, or could not be reached. `message` is the server's own; `code` is "unreachable" without one.

    `status` is the HTTP status, 0 where there was no answer.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Connection:
    """A server at `url`, asked with one token. Close it, or use it in a `with`."""

    def __init__(self, url: str, token: str | None, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # Nothing of the caller's environment is between a client and its server.
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=_SECONDS, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more is sent."""
        self._http.close()

    def rest(self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Any:
        """What a REST operation answers, None without a body. `path` begins at the root. Raises RequestFailed.

        With an idempotency `key` the same request may be sent again, and is done once.
        """
        given = {name: value for name, value in query.items() if value is not None}
        headers = _carrying(key)
        response = (
            self._sent(method, path, json=body, params=given, headers=headers)
            if body is not None
            else self._sent(method, path, params=given, headers=headers)
        )
        if response.is_error:
            raise _refused(response)
        return _json(response) if response.content else None

    def graphql(
        self, query: str, variables: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> dict[str, Any]:
        """The data of an answer without errors. Raises RequestFailed with the first error otherwise.

        With an idempotency `key` the same mutation may be sent again, and is done once.
        """
        body = {"query": query, "variables": dict(variables or {})}
        return _data(self._sent("POST", "/v3/graphql", json=body, headers=_carrying(key)))

    def upload(self, query: str, file: Path, *, name: str, media_type: str) -> dict[str, Any]:
        """Like `graphql`, the file going along as the request's only upload, read as it is sent."""
        with file.open("rb") as body:
            parts = {"file": (name, body, media_type)}
            return _data(self._sent("POST", "/v3/graphql", data={"query": query}, files=parts))

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes that `path` answers, as they come. Raises RequestFailed."""
        try:
            with self._http.stream("GET", path) as response:
                if response.is_error:
                    response.read()
                    raise _refused(response)
                yield from response.iter_bytes(_BLOCK)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def lines(self, path: str, *, silence: float, headers: Mapping[str, str], **query: Any) -> Iterator[str]:
        """The lines that `path` answers, each as it comes; an end without one for `silence` seconds is unreachable.

        Raises RequestFailed.
        """
        waiting = httpx.Timeout(30.0, connect=5.0, read=silence)
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, headers=dict(headers), params=given, timeout=waiting) as response:
                if response.is_error:
                    response.read()
                    raise _refused(response)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def download(self, path: str, target: Path) -> None:
        """The bytes that `path` answers are in the file `target`. Raises RequestFailed."""
        with target.open("wb") as file:
            file.writelines(self.stream(path))

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> RequestFailed:
        why = str(error) or type(error).__name__
        return RequestFailed("unreachable", f"The server at {self.url} does not answer ({why}). Is it running?")


def _carrying(key: str | None) -> dict[str, bytes]:
    # As bytes: whether it is a key at all is for the server to say.
    return {} if key is None else {"Idempotency-Key": key.encode()}


def _data(response: httpx.Response) -> dict[str, Any]:
    body = _json(response)
    errors = body.get("errors") if isinstance(body, dict) else None
    if errors:
        first = errors[0]
        raise RequestFailed(str(first.get("name", "error")), str(first.get("message", first)), response.status_code)
    if response.is_error:
        raise _refused(response)
    data: dict[str, Any] = body["data"]
    return data


def _refused(response: httpx.Response) -> RequestFailed:
    try:
        body = response.json()
        return RequestFailed(body["id"], body.get("detail") or body["description"], response.status_code)
    except (ValueError, KeyError, TypeError):
        text = response.text.strip()[:200] or response.reason_phrase
        return RequestFailed("error", f"HTTP {response.status_code}: {text}", response.status_code)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        where = response.url.copy_with(query=None)
        text = f"{where} did not answer JSON (HTTP {response.status_code}); is it an Enginehouse?"
        raise RequestFailed("error", text, response.status_code) from None
