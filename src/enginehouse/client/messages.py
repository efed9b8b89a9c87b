"""Turns the calls of flows into requests of the HTTP library, and its responses into replies."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx

from enginehouse.client.calls import ClientCall, Lost, ServerReply
from enginehouse.client.failure import Json

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL, httpx.ProxyError)
FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL)


@contextmanager
def request_of(call: ClientCall) -> Iterator[dict[str, Any]]:
    """Yields the arguments of the library's `request`. A file of the call is open meanwhile. Raises OSError."""
    sent: dict[str, Any] = {
        "method": call.method,
        "url": call.path,
        "params": present(call.query),
        # As bytes, so that the server, and not the library, checks it.
        "headers": {} if call.key is None else {"Idempotency-Key": call.key.encode()},
    }
    if call.file is None:
        yield sent if call.body is None else sent | {"json": call.body}
        return
    with call.file.path.open("rb") as content:
        yield sent | {"data": call.body, "files": {"file": (call.file.name, content, call.file.media_type)}}


def reply_of(response: httpx.Response) -> ServerReply:
    """Returns a response whose content is read."""
    headers = {name.lower(): "\n".join(response.headers.get_list(name)) for name in response.headers}
    return ServerReply(response.status_code, headers, response.content)


def lost_by(error: Exception) -> Lost:
    """Returns what an error of the library means."""
    return Lost(str(error) or type(error).__name__, is_sent=not isinstance(error, _NOT_SENT))


def present(query: Mapping[str, Any]) -> Json:
    """Returns the parameters that are sent: a parameter that is None is not."""
    return {name: value for name, value in query.items() if value is not None}
