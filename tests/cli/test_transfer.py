"""The bar of a transfer is on a terminal only, and changes no byte."""

import io
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from enginehouse.cli import output
from enginehouse.cli.transfer import opened_with_bar, with_bar
from enginehouse.client import Client, files

BLOCKS = [b"a" * 1_000, b"", b"b" * 500]


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def is_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: request.param, raising=False)
    return bool(request.param)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Returns what is shown on stderr."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "console", lambda *, err: Console(file=stream, force_terminal=err, width=100))
    return stream


def test_a_bar_is_shown_on_a_terminal_only(shown: io.StringIO, *, is_terminal: bool) -> None:
    assert list(with_bar(iter(BLOCKS), "talk.wav", 1_500)) == BLOCKS
    assert ("talk.wav" in shown.getvalue()) is is_terminal
    assert ("1.5/1.5 kB" in shown.getvalue()) is is_terminal


def test_an_upload_has_a_bar_on_a_terminal_only_and_its_bytes_are_those_of_the_file(
    shown: io.StringIO, tmp_path: Path, *, is_terminal: bool
) -> None:
    file, received = tmp_path / "talk.wav", list[bytes]()
    file.write_bytes(b"".join(BLOCKS))

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request.read())
        return httpx.Response(200, json={"data": {"createTDOWithAsset": {"id": "7"}}})

    transport = httpx.MockTransport(answer)
    with Client("http://server", "token", transport=transport, open_file=opened_with_bar) as client:
        assert files.upload(client, file) == "7"
    assert b"".join(BLOCKS) in received[0]
    assert ("talk.wav" in shown.getvalue()) is is_terminal
    assert ("1.5/1.5 kB" in shown.getvalue()) is is_terminal
