"""What a server keeps in its data folder for the people on its machine: where it is, and the first secrets."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enginehouse import __version__
from enginehouse.operations.accounts import FirstStart

SERVER, TOKEN, PASSWORD = "server.json", "token", "admin-password"


@dataclass(frozen=True, slots=True)
class Found:
    """A server that says it runs on this machine."""

    url: str
    pid: int


def keep_secrets(data: Path, first: FirstStart) -> list[Path]:
    """The secrets that the first start made are in files only their owner can read; answers which."""
    made = []
    for name, secret in ((PASSWORD, first.admin_password), (TOKEN, first.token)):
        if secret is not None:
            write_private(data / name, secret + "\n")
            made.append(data / name)
    return made


def describe(data: Path, url: str) -> None:
    """`server.json` says where the server of this folder is."""
    write_private(data / SERVER, json.dumps({"url": url, "pid": os.getpid(), "version": __version__}) + "\n")


def forget(data: Path) -> None:
    """No server of this folder is announced any more."""
    (data / SERVER).unlink(missing_ok=True)


def server(data: Path) -> Found | None:
    """The server of this folder, None when none runs; a file left behind by a killed one counts as none."""
    try:
        found: Any = json.loads((data / SERVER).read_text())
        known = Found(found["url"], int(found["pid"]))
        with contextlib.suppress(PermissionError):  # it lives, and is another user's
            os.kill(known.pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known


def token(data: Path) -> str | None:
    """The token in this folder, None when there is none."""
    try:
        return (data / TOKEN).read_text().strip() or None
    except FileNotFoundError:
        return None


def write_private(path: Path, text: str) -> None:
    """The file holds the text, whole or not at all, and nobody else can read it at any moment."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
