"""The files in a data folder that servers write for people on their machine: their addresses and the first secrets."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enginehouse import __version__
from enginehouse.cli import file_modes
from enginehouse.cli.errors import CommandError
from enginehouse.operations.first_start import FirstStart
from enginehouse.server import private_file

SERVERS, TOKEN, PASSWORD = "servers", "token", "admin-password"


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that runs on this machine."""

    url: str
    pid: int


def prepare(data: Path) -> None:
    """The folder exists, can be written to, and nobody else can read it. Raises CommandError."""
    file_modes.restrict_umask()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise CommandError(
            f"The data folder {data} cannot be created: {error.strerror}. Name another with --data."
        ) from None
    if not os.access(data, os.W_OK | os.X_OK):
        raise CommandError(
            f"The data folder {data} cannot be written to. Name another with --data, or change its owner."
        )
    file_modes.tighten(data)


def keep_secrets(data: Path, first: FirstStart) -> list[Path]:
    """The secrets of the first start are in files that only their owner can read. Returns these files."""
    files = []
    for name, secret in ((PASSWORD, first.admin_password), (TOKEN, first.token)):
        if secret is not None:
            private_file.write(data / name, secret + "\n")
            files.append(data / name)
    return files


def announce(data: Path, url: str) -> None:
    """A file of this process in the folder `servers` says where the server is.

    Each server has its own file, because several may share the folder, also from several machines.
    """
    folder = data / SERVERS
    folder.mkdir(exist_ok=True, mode=0o700)
    for old in folder.glob(f"{socket.gethostname()}-*.json"):
        if _process(old) is None:
            old.unlink(missing_ok=True)  # its server was killed
    content = {"url": url, "pid": os.getpid(), "host": socket.gethostname(), "version": __version__}
    private_file.write(_own(data), json.dumps(content) + "\n")


def withdraw(data: Path) -> None:
    """The file of this process is gone."""
    _own(data).unlink(missing_ok=True)


def servers(data: Path) -> list[ServerProcess]:
    """Returns the servers of this folder that run on this machine. The file of a killed server counts as none."""
    return list(_servers(data))


def server(data: Path) -> ServerProcess | None:
    """Returns one server of this folder on this machine, None when none runs. Each of them serves the same jobs."""
    return next(_servers(data), None)


def other_machines(data: Path) -> list[str]:
    """Returns the names of the other machines whose servers have announced themselves in this folder."""
    own, hosts = socket.gethostname(), set()
    for file in (data / SERVERS).glob("*.json"):
        host, _, _ = file.stem.rpartition("-")
        hosts.add(host)
    return sorted(hosts - {own})


def _own(data: Path) -> Path:
    return data / SERVERS / f"{socket.gethostname()}-{os.getpid()}.json"


def _servers(data: Path) -> Iterator[ServerProcess]:
    for file in sorted((data / SERVERS).glob(f"{socket.gethostname()}-*.json")):
        if (process := _process(file)) is not None:
            yield process


def _process(file: Path) -> ServerProcess | None:
    try:
        content: Any = json.loads(file.read_text())
        process = ServerProcess(content["url"], int(content["pid"]))
        with contextlib.suppress(PermissionError):  # it lives, and belongs to another user
            os.kill(process.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process


def token(data: Path) -> str | None:
    """Returns the token in this folder, None when there is none. Raises OSError when it cannot be read."""
    try:
        return (data / TOKEN).read_text().strip() or None
    except FileNotFoundError:
        return None
