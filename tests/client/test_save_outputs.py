"""Saving outputs never overwrites what it has saved itself, and leaves no part of an output behind."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from enginehouse.client import Client, RequestFailed, jobs


def server(outputs: dict[str, bytes]) -> Client:
    """Returns a client of a server with these outputs."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=outputs[unquote(request.url.raw_path.decode().rpartition("/")[2])])

    return Client("http://localhost", None, transport=httpx.MockTransport(answer))


def test_outputs_whose_names_are_one_file_are_saved_in_several(tmp_path: Path) -> None:
    outputs = {"a.json": b"1", "A.json": b"2", "x/a.json": b"3", "ž" * 200 + "1": b"4", "ž" * 200 + "2": b"5"}
    with server(outputs) as client:
        paths = jobs.save_outputs(client, "job", list(outputs), tmp_path / "new" / "folder")
    assert [path.read_bytes() for path in paths] == list(outputs.values())
    assert {path.parent for path in paths} == {tmp_path / "new" / "folder"}


def test_an_output_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"x" * (1 << 21)
            raise httpx.RemoteProtocolError("the peer closed the connection")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken()))
    with Client("http://localhost", None, transport=transport) as client, pytest.raises(RequestFailed):
        jobs.save_outputs(client, "job", ["a.json"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_the_file_of_an_earlier_time_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"before")
    transport = httpx.MockTransport(lambda _: httpx.Response(404, json={"id": "not_found", "description": "gone"}))
    with Client("http://localhost", None, transport=transport) as client, pytest.raises(RequestFailed):
        jobs.fetch_output(client, "job", "a.json", tmp_path / "a.json")
    assert (tmp_path / "a.json").read_bytes() == b"before"


def test_a_log_that_still_grows_is_read_up_to_a_whole_character() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("000000-001.log", "whole €".encode()[:-1])
        files.writestr("000000-002.log", b"not \xff text")
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=archive.getvalue()))
    with Client("http://localhost", None, transport=transport) as client:
        assert [text for _, text in jobs.logs(client, "task")] == ["whole ", "not \ufffd text"]
