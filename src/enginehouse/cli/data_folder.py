"""The files in a data folder that a server writes for people on its machine: its address and the first secrets."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enginehouse import __version__
from enginehouse.cli import file_modes
from enginehouse.cli.errors import CommandError
from enginehouse.operations.accounts import FirstStart

SERVER, TOKEN, PASSWORD = "server.json", "token", "admin-password"


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
            write_private(data / name, secret + "\n")
            files.append(data / name)
    return files


def announce(data: Path, url: str) -> None:
    """`server.json` says where the server of this folder is."""
    write_private(data / SERVER, json.dumps({"url": url, "pid": os.getpid(), "version": __version__}) + "\n")


def withdraw(data: Path) -> None:
    """`server.json` is gone."""
    (data / SERVER).unlink(missing_ok=True)


def server(data: Path) -> ServerProcess | None:
    """Returns the server of this folder, None when none runs. The file of a killed server counts as none."""
    try:
        content: Any = json.loads((data / SERVER).read_text())
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


def write_private(path: Path, text: str) -> None:
    """The file holds the text, whole or not at all, and nobody else can read it at any moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
