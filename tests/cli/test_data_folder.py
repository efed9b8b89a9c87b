"""The files in a server's data folder for the commands on its machine."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from enginehouse.cli import data_folder
from enginehouse.operations.first_start import FirstStart


def test_secrets_are_private_from_their_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    opened = os.fdopen

    def watching(descriptor: int, mode: str) -> IO[Any]:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return opened(descriptor, mode)

    monkeypatch.setattr(os, "fdopen", watching)
    old = os.umask(0)
    try:
        made = data_folder.keep_secrets(tmp_path, FirstStart(admin_password="p", token="t"))
    finally:
        os.umask(old)
    assert seen == [0o600, 0o600]
    assert [path.read_text() for path in made] == ["p\n", "t\n"]
    assert {path.name for path in tmp_path.iterdir()} == {"admin-password", "token"}


def test_nothing_is_written_where_nothing_was_made(tmp_path: Path) -> None:
    assert data_folder.keep_secrets(tmp_path, FirstStart()) == []
    assert data_folder.token(tmp_path) is None


def test_a_server_is_found_until_it_is_forgotten(tmp_path: Path) -> None:
    assert data_folder.server(tmp_path) is None
    data_folder.announce(tmp_path, "http://localhost:1")
    assert data_folder.server(tmp_path) == data_folder.ServerProcess("http://localhost:1", os.getpid())
    data_folder.withdraw(tmp_path)
    data_folder.withdraw(tmp_path)
    assert data_folder.server(tmp_path) is None


def test_a_killed_servers_file_counts_as_none_and_the_next_server_removes_it(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = _announced(tmp_path, socket.gethostname(), gone.pid)
    assert data_folder.server(tmp_path) is None
    data_folder.announce(tmp_path, "http://localhost:1")
    assert not left.exists()


def test_a_second_server_does_not_hide_the_first(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as first:
        _announced(tmp_path, socket.gethostname(), first.pid)
        data_folder.announce(tmp_path, "http://localhost:1")
        assert (tmp_path / data_folder.SERVERS / f"{socket.gethostname()}-{os.getpid()}.json").exists()
        assert {found.pid for found in data_folder.servers(tmp_path)} == {first.pid, os.getpid()}
        data_folder.withdraw(tmp_path)
        assert data_folder.server(tmp_path) == data_folder.ServerProcess("http://x", first.pid)
        first.communicate(b"\n")
    assert data_folder.servers(tmp_path) == []


def test_servers_of_other_machines_are_named_and_not_used(tmp_path: Path) -> None:
    _announced(tmp_path, "far-away", os.getpid())
    data_folder.announce(tmp_path, "http://localhost:1")
    assert data_folder.servers(tmp_path) == [data_folder.ServerProcess("http://localhost:1", os.getpid())]
    assert data_folder.other_machines(tmp_path) == ["far-away"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": 1}', '{"url": "x", "pid": "y"}'])
def test_a_file_that_is_not_ours_counts_as_none(tmp_path: Path, text: str) -> None:
    _announced(tmp_path, socket.gethostname(), os.getpid()).write_text(text)
    assert data_folder.server(tmp_path) is None


def _announced(data: Path, host: str, pid: int) -> Path:
    """Returns the file of a server at http://x."""
    file = data / data_folder.SERVERS / f"{host}-{pid}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"url": "http://x", "pid": pid}))
    return file
