"""A client's connection: a refusal is the same exception on both interfaces."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from enginehouse.client import Client, FileKind, RequestFailed, UnusableFile, files

Answering = Callable[[httpx.Request], httpx.Response]


def _client(answer: Answering) -> Client:
    return Client("http://house.example/", "secret", transport=httpx.MockTransport(answer))


_REFUSALS: dict[str, tuple[int, Any, Callable[[Client], Any]]] = {
    "rest": (
        404,
        {"id": "not_found", "description": "first", "detail": 'Job "x" was not found.'},
        lambda server: server.rest("GET", "/edge/v1/proc/job/x/status"),
    ),
    "graphql": (
        200,
        {"data": None, "errors": [{"name": "not_found", "message": 'Job "x" was not found.'}]},
        lambda server: server.graphql("{ me { id } }"),
    ),
}


@pytest.mark.parametrize("interface", _REFUSALS)
def test_a_refusal_has_the_servers_own_code_and_message(interface: str) -> None:
    status, body, ask = _REFUSALS[interface]
    with _client(lambda _: httpx.Response(status, json=body)) as server, pytest.raises(RequestFailed) as raised:
        ask(server)
    assert (raised.value.code, raised.value.message) == ("not_found", 'Job "x" was not found.')


def test_every_request_carries_the_token() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200, json={"data": {}})

    with _client(answer) as server:
        server.rest("GET", "/a")
        server.graphql("{ a }")
        list(server.stream("/b"))
    assert seen == ["Bearer secret"] * 3


@pytest.mark.parametrize(("url", "verifies"), [("https://h", True), ("HTTPS://h", True), ("http://h", False)])
def test_certificates_are_verified_wherever_there_are_some(
    url: str, verifies: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(httpx, "Client", lambda **given: options.update(given))
    Client(url, None)
    assert options["verify"] is verifies


def test_absent_query_parameters_are_not_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=dict(request.url.params))

    with _client(answer) as server:
        assert server.rest("GET", "/a", status=None, limit=3) == {"limit": "3"}


def test_a_server_that_does_not_answer_is_named() -> None:
    with (
        Client("http://127.0.0.1:1", None) as server,
        pytest.raises(RequestFailed, match=r"127\.0\.0\.1:1") as raised,
    ):
        server.rest("GET", "/edge/v1/ping")
    assert raised.value.code == "unreachable"


def test_something_that_is_no_enginehouse_is_told() -> None:
    answers = httpx.Response(200, text="<html>hello</html>")
    with _client(lambda _: answers) as server, pytest.raises(RequestFailed, match="not answer JSON"):
        server.rest("GET", "/edge/v1/ping")


def test_a_proxys_error_page_is_shown_as_it_is() -> None:
    answers = httpx.Response(502, text="bad gateway")
    with _client(lambda _: answers) as server, pytest.raises(RequestFailed, match="HTTP 502: bad gateway"):
        server.rest("GET", "/edge/v1/ping")


def test_an_upload_is_one_file_part_beside_the_query(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(200, json={"data": {"createTDOWithAsset": {"id": "7"}}})

    (tmp_path / 'a "b".md').write_text("hello")
    with _client(answer) as server:
        assert files.upload(server, tmp_path / 'a "b".md', "text/markdown") == "7"
    [body] = bodies
    assert b'name="query"' in body
    assert json.dumps('a "b".md').encode() in body
    assert b"Content-Type: text/markdown" in body


@pytest.mark.parametrize(
    ("media_type", "medium"),
    [
        ("text/markdown", files.TEXT),
        ("application/pdf", files.TEXT),
        ("audio/mpeg", files.AUDIO),
        ("video/mp4", "audio"),
    ],
)
def test_what_a_file_is_its_server_says(media_type: str, medium: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": {"temporalDataObject": {"primaryAsset": {"contentType": media_type}}}})

    with _client(answer) as server:
        assert files.stored_kind(server, "7") == FileKind(medium, media_type)


def test_a_file_without_a_type_is_uploaded_as_bytes(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(200, json={"data": {"createTDOWithAsset": {"id": "7"}}})

    (tmp_path / "a.mp3").write_bytes(b"any")
    with _client(answer) as server:
        files.upload(server, tmp_path / "a.mp3")
    assert b"Content-Type: application/octet-stream" in bodies[0]


@pytest.mark.parametrize("name", ["empty.txt", "missing.txt", "folder"])
def test_what_cannot_be_uploaded(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnusableFile, match=name):
        files.check(tmp_path / name)


@pytest.mark.parametrize(
    ("url", "medium"),
    [
        ("https://h/a.wav?sig=x.txt", files.AUDIO),
        ("https://h/a.md#b.wav", files.TEXT),
        ("https://h/", files.TEXT),
        ("https://h/a.mp3", files.AUDIO),
        ("https://h/a.mp4?x", files.AUDIO),
        ("https://h/a.pdf", files.TEXT),
    ],
)
def test_what_a_url_most_likely_is(url: str, medium: str) -> None:
    assert files.kind_at(url).medium == medium
