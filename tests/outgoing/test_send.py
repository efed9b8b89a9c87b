"""Messages to receivers: what is sent, and what counts as their answer, over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.servers import http, listening

from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.outgoing.send import Sender, url_fault


@asynccontextmanager
async def sender(*, allow_private: bool = True, seconds: float = 5) -> AsyncIterator[Sender]:
    client = GuardedClient(allow_private=allow_private)
    try:
        yield Sender(client, seconds=seconds)
    finally:
        await client.aclose()


async def test_the_message_arrives_with_its_headers_and_nothing_else_of_ours() -> None:
    async with listening(http(b"thanks")) as server, sender() as it:
        answer = await it.send(server.url("/hook?a=b"), {"webhook-id": "7", "content-type": "application/json"}, b"{}")
    assert (answer.status, answer.text, answer.retry_after) == (200, "200 OK: thanks", None)
    head = server.heads[0].lower()
    assert head.startswith("post /hook?a=b http/1.1\r\n")
    assert {line.partition(":")[0] for line in head.split("\r\n")[1:] if line} == {
        "host", "user-agent", "webhook-id", "content-type", "content-length",
    }  # fmt: skip


async def test_a_body_in_a_file_arrives_whole_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_bytes(b"hello")
    async with listening(http(b"thanks")) as server, sender() as it:
        answer = await it.send(server.url("/"), {"content-type": "text/plain"}, path)
    assert answer.status == 200
    assert "content-length: 5\r\n" in server.heads[0].lower()
    assert "transfer-encoding" not in server.heads[0].lower()


@pytest.mark.parametrize(
    ("status", "headers", "wish"),
    [("503 Service Unavailable", {"Retry_After": "7"}, 7.0), ("410 Gone", {}, None), ("404 Not Found", {}, None)],
)
async def test_a_refusal_is_the_answer(status: str, headers: dict[str, str], wish: float | None) -> None:
    async with listening(http(b"no\x00\n", status=status, length=None, **headers)) as server, sender() as it:
        answer = await it.send(server.url("/"), {}, b"{}")
    assert (answer.status, answer.text, answer.retry_after) == (int(status[:3]), f"{status}: no", wish)


async def test_a_redirect_is_not_followed() -> None:
    async with listening(http(b"secret")) as inner, sender() as it:
        outer_answer = http(b"", status="302 Found", Location=inner.url("/"))
        async with listening(outer_answer) as outer:
            answer = await it.send(outer.url("/"), {}, b"{}")
    assert (answer.status, answer.text) == (302, "302 Found: redirects are not followed.")
    assert inner.heads == []


async def test_of_a_long_answer_only_the_start_is_read() -> None:
    async with listening(http(b"x" * 1_000_000)) as server, sender() as it:
        answer = await it.send(server.url("/"), {}, b"{}")
    assert answer.text == f"200 OK: {'x' * 300}"


async def test_a_receiver_that_does_not_answer_in_time_and_one_that_is_not_there() -> None:
    over = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await over.wait()

    async with listening(silent) as server, sender(seconds=0.05) as it:
        answer = await it.send(server.url("/"), {}, b"{}")
        over.set()
    assert (answer.status, answer.text) == (None, "There was no answer within 0.05 s.")
    async with sender() as it:
        answer = await it.send(server.url("/"), {}, b"{}")
    assert (answer.status, answer.text) == (None, "The connection was refused.")


async def test_nothing_is_sent_to_a_private_address() -> None:
    async with listening(http(b"")) as server, sender(allow_private=False) as it:
        answer = await it.send(server.url("/"), {}, b"{}")
    assert answer.status is None
    assert answer.text.startswith("Address 127.0.0.1 is not allowed.")
    assert server.heads == []


PRIVATE = ["127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "127.1", "2130706433", "0x7f.1",
           "169.254.169.254", "10.0.0.1", "[::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_that_is_private_in_any_spelling_is_refused_when_it_is_given(host: str) -> None:
    fault = url_fault(f"https://{host}/x", allow_private=False)
    assert fault is not None
    assert "is not allowed" in fault
    assert url_fault(f"https://{host}/x", allow_private=True) is None


@pytest.mark.parametrize(
    "url",
    ["ftp://h.example/", "h.example", "https://", "https://a:b@h.example/", "https://h.example:22/", "javascript:x",
     "https://h.example:6379/", "", "https://h ost/", "https://[::1", "https://0177.0.0.1/", "http://\x00"],
)  # fmt: skip
def test_what_is_not_the_address_of_a_receiver_is_refused(url: str) -> None:
    assert url_fault(url, allow_private=True) is not None


def test_an_ordinary_address_is_accepted() -> None:
    assert url_fault("https://h.example/hook?x=%20y", allow_private=False) is None
