"""A head that a connection has sent before is not parsed again: nobody may notice."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.http_protocol.raw import serving, statuses

from enginehouse.http_protocol.request_reader import RequestReader

LONG = b"X-Long: %b\r\n" % (b"x" * 5_000)
POST = b"POST /a%%20b?c=d HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: %d\r\n\r\n"
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n" + LONG + b"\r\n",
    b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    POST % 0,
    POST % 4 + b"abcd",
    POST % 4 + b"\r\n\r\n",
    POST % 70_000 + b"e" * 70_000,
    b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfg\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
]
LAST = [
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n",
]


async def scope_and_body(scope: Any, receive: Any, send: Any) -> None:
    """Answers with all that it gets, and then changes it."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    said = {name: value for name, value in scope.items() if name not in {"client", "server"} and not callable(value)}
    seen = f"{sorted(said.items())} {bytes(body)!r}\n".encode()
    scope["headers"].append((b"added", b"1"))
    scope["state"]["added"] = 1
    scope["path"] = "/changed"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(seen))]})
    await send({"type": "http.response.body", "body": seen})


async def answers(requests: Sequence[bytes], size: int) -> bytes:
    """Returns all that one connection gets for these requests, which come in pieces of this size."""
    whole = b"".join(requests)
    async with serving(scope_and_body) as server:
        return await server.exchange(*(whole[at : at + size] for at in range(0, len(whole), size)))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(REQUESTS), max_size=8), st.sampled_from(LAST), st.sampled_from([1_000, 7_777, 10**6]))
async def test_a_connection_gets_what_it_would_get_without_known_heads(
    monkeypatch: pytest.MonkeyPatch, requests: list[bytes], last: bytes, size: int
) -> None:
    found = await answers([*requests, last], size)
    with monkeypatch.context() as patch:
        patch.setattr("enginehouse.http_protocol.protocol.known", lambda head, scope, length: None)
        assert found == await answers([*requests, last], size)


@pytest.mark.parametrize("request_", [REQUESTS[0], REQUESTS[5]])
async def test_the_same_head_is_parsed_once(monkeypatch: pytest.MonkeyPatch, request_: bytes) -> None:
    parsed = list[bytes]()

    def on_url(self: RequestReader, url: bytes) -> None:
        parsed.append(url)
        self.url = url

    monkeypatch.setattr(RequestReader, "on_url", on_url, raising=False)
    found = await answers([request_] * 3 + LAST[:1], 10**6)
    assert statuses(found) == [200] * 4
    assert len(parsed) == 2
