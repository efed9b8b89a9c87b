"""Downloads: every response to a GET, HEAD or range of a stored file equals Starlette's response for a local file."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import FileResponse

from enginehouse.api.http.download import Download
from enginehouse.artifacts import store as artifacts
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import NotFound
from enginehouse.http_protocol.ranges import MOST, MalformedError, UnsatisfiableError, ranges

Message = MutableMapping[str, Any]
BYTES = os.urandom(700_000)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DiskStore]:
    store = DiskStore(tmp_path)
    await store.put("a/b.txt", BYTES)
    yield store
    store.close()


async def answer(response: Any, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Returns status, headers and body, with the boundary of a multipart response replaced."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return await asyncio.Future()

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    # With this version Starlette does not wait for the end of the connection, which never comes here.
    await response({"type": "http", "method": method, "headers": raw, "asgi": {"spec_version": "2.4"}}, receive, send)
    first, *rest = messages
    assert not rest[-1].get("more_body", False)
    shown = {name.decode(): value.decode() for name, value in first["headers"]}
    body = b"".join(message["body"] for message in rest)
    boundary = re.search("boundary=([0-9a-f]+)", shown["content-type"]) if "content-type" in shown else None
    if boundary is not None:
        shown["content-type"] = "multipart"
        body = body.replace(boundary[1].encode(), b"BOUNDARY")
    return first["status"], shown, body


async def both(store: DiskStore, media_type: str, filename: str | None, method: str, **headers: str) -> tuple[Any, Any]:
    content = await artifacts.content(store, "a/b.txt")
    ours = Download(content, media_type=media_type, filename=filename)
    async with store.open("a/b.txt") as path:
        # Starlette would add a charset that nobody has declared.
        own = {"x-content-type-options": "nosniff", "content-type": media_type}
        theirs = FileResponse(path, filename=filename, headers=own)
        return await answer(ours, method, **headers), await answer(theirs, method, **headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "asked",
    [None, "bytes=0-9", "bytes=-5", "bytes=699990-", "bytes=5-2", "bytes=700000-", "bytes=0-4,10-20", "bytes=0-4,3-9",
     "bytes=", "bytes", "lines=0-1", "bytes=x-y,1-2", "bytes=0-9999999", ",".join(["bytes=0-1"] + ["3-4"] * 100)],
)  # fmt: skip
async def test_a_download_is_answered_as_a_local_file_is(store: DiskStore, method: str, asked: str | None) -> None:
    headers = {} if asked is None else {"range": asked}
    ours, theirs = await both(store, "audio/wav", "a b.wav", method, **headers)
    assert ours == theirs


@pytest.mark.parametrize("media_type", ["text/plain", "text/html; charset=ascii", "application/json"])
@pytest.mark.parametrize("filename", [None, "a.txt", 'with "quotes".txt', "žluť.txt"])
async def test_what_kind_of_file_it_is_is_said_as_of_a_local_file(
    store: DiskStore, media_type: str, filename: str | None
) -> None:
    for headers in ({}, {"range": "bytes=1-2,5-6"}):
        ours, theirs = await both(store, media_type, filename, "GET", **headers)
        assert ours == theirs
        assert ours[1]["content-type"] == ("multipart" if headers else media_type)


async def test_a_range_of_a_file_that_has_changed_is_the_whole_file(store: DiskStore) -> None:
    (_, known, _), _ = await both(store, "text/plain", None, "HEAD")
    for version in (known["etag"], known["last-modified"], '"other"', f"W/{known['etag']}"):
        ours, theirs = await both(store, "text/plain", None, "GET", range="bytes=0-9", if_range=version)
        assert ours == theirs
        assert ours[0] == (206 if version in known.values() else 200)


async def test_what_is_appended_after_the_start_of_an_answer_is_not_in_it(store: DiskStore) -> None:
    await store.append("log", 0, b"first\n")
    content = await artifacts.content(store, "log")
    await store.append("log", 6, b"second\n")
    _, headers, body = await answer(Download(content, media_type="text/plain"))
    assert (headers["content-length"], body) == ("6", b"first\n")


async def test_a_client_that_leaves_ends_the_reading(store: DiskStore) -> None:
    sent: list[Message] = []
    read = 0

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    class Endless:
        async def stream(self, key: str, start: int, stop: int | None) -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield (await store.read("a/b.txt"))[:1]

    content = artifacts.Content(Endless(), "a", 10**12, 0.0)  # type: ignore[arg-type]
    await Download(content, media_type="text/plain")({"type": "http", "method": "GET", "headers": []}, receive, send)
    assert read < 1000
    assert all(message["type"] != "http.response.body" or message["more_body"] for message in sent)


async def test_what_cannot_be_read_ends_the_answer_with_its_error(store: DiskStore) -> None:
    content = await artifacts.content(store, "a/b.txt")
    await store.delete(["a/b.txt"])
    with pytest.raises(NotFound):
        await answer(Download(content, media_type="text/plain"))


_spots = st.one_of(st.just(""), st.integers(-3, 40).map(str), st.sampled_from(["x", " 7 ", "+3", "1_0"]))
_parts = st.one_of(st.tuples(_spots, _spots).map("-".join), st.sampled_from(["", "-", "5", "--", "1-2-3"]))
_headers = st.one_of(
    st.lists(_parts, max_size=6).map(lambda parts: "bytes=" + ",".join(parts)),
    st.integers(MOST - 2, MOST + 2).map(lambda n: "bytes=" + ",".join(["0-1"] * n)),
    st.text(max_size=20),
)


@given(_headers, st.integers(0, 20))
@example("Bytes = 0-0 , 2-3", 10)
def test_the_ranges_are_those_that_starlette_finds(header: str, size: int) -> None:
    assert _ours(header, size) == _theirs(header, size)


def _ours(header: str, size: int) -> Any:
    try:
        return ranges(header, size)
    except (MalformedError, UnsatisfiableError) as error:
        return type(error).__name__


def _theirs(header: str, size: int) -> Any:
    try:
        return FileResponse._parse_range_header(header, size)
    except Exception as error:
        return {"MalformedRangeHeader": "MalformedError", "RangeNotSatisfiable": "UnsatisfiableError"}[
            type(error).__name__
        ]
