"""Starts the command `enginehouse` as a process of its own, like `subprocess.Popen` and `subprocess.run`.

A start costs up to a second of the processor, nearly all of it for imports. So the process is forked from one that has
imported everything, also where a shell starts it. Under `make chaos` it starts as it does for a person, and so do all
other programs always.
"""

import atexit
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, Final

from tests.thorough import THOROUGH

from enginehouse.engines import processes

BY_NAME: Final = (str(Path(sys.executable).with_name("enginehouse")),)
BY_MODULE: Final = (sys.executable, "-m", "enginehouse")
_FORK_SERVER: Final = Path(__file__).with_name("fork_server.py")
_IN_SHELL: Final = Path(__file__).with_name("shell_command.py")


class Forked:
    """A process that the fork server has started. Its methods are those of `subprocess.Popen`."""

    def __init__(self, pipe: int) -> None:
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._pipe = os.fdopen(pipe, "rb", buffering=0)
        self.pid = self._number()

    def poll(self) -> int | None:
        """Returns the exit code, None if the process still runs."""
        with self._lock:
            if self.returncode is None and self._pipe in select.select([self._pipe], [], [], 0)[0]:
                self.returncode = self._number()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit code. Raises TimeoutExpired if the process still runs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left < 0:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            select.select([self._pipe], [], [], left)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        line = self._pipe.readline()
        assert line, "the fork server has died"
        return int(line)


Process = Forked | subprocess.Popen[bytes]


class _ForkServer:
    """The running `tests/fork_server.py` of this test process. It ends with it."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_FORK_SERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(self._close)

    def fork(
        self, arguments: Sequence[str], streams: Sequence[int], environment: Mapping[str, str], folder: Path | None
    ) -> Forked:
        """The command runs."""
        order = {"arguments": arguments, "environment": dict(environment), "folder": str(folder or Path.cwd())}
        pipe, its_pipe = os.pipe()
        try:
            socket.send_fds(self._ours, [json.dumps(order).encode()], [*streams, its_pipe])
        finally:
            os.close(its_pipe)
        return Forked(pipe)

    def in_shell(self, folder: Path) -> int:
        """The command is in the folder, for programs with the returned descriptor."""
        descriptor = self._ours.fileno()
        # Without what Python reads for packages, it starts in hundredths of a second.
        start = shlex.join([sys.executable, "-I", "-S", str(_IN_SHELL), str(descriptor), *BY_NAME])
        (folder / "enginehouse").write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (folder / "enginehouse").chmod(0o700)
        return descriptor

    def _close(self) -> None:
        self._ours.close()
        self._process.wait(30)


_fork_server = cache(_ForkServer)


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: IO[Any] | None = None,
    stdout: IO[Any] | None = None,
    stderr: IO[Any] | None = None,
) -> Process:
    """The command runs, at most as long as this process. A stream that is not given is empty, or lost."""
    environment = os.environ if environment is None else environment
    with Path(os.devnull).open("r+b") as nothing:
        streams = [(stream or nothing).fileno() for stream in (stdin, stdout, stderr)]
        name = next((name for name in (BY_NAME, BY_MODULE) if tuple(command[: len(name)]) == name), None)
        if name is not None and not THOROUGH and not _changes_python(environment):
            return _fork_server().fork([*name[-1:], *command[len(name) :]], streams, environment, folder)
        return subprocess.Popen(
            command, stdin=streams[0], stdout=streams[1], stderr=streams[2], env=environment, cwd=folder,
            preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - a killed test run leaves no process
        )  # fmt: skip


def _changes_python(environment: Mapping[str, str]) -> bool:
    """Returns True if something is done to Python itself before its program begins."""
    path = environment.get("PYTHONPATH", "").split(os.pathsep)
    return any((Path(folder) / "sitecustomize.py").exists() for folder in filter(None, path))


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str | IO[Any] = "",
    timeout: float = 120,
) -> "subprocess.CompletedProcess[str]":
    """The command has ended, by itself. Raises TimeoutExpired if it does not in time, and then it is gone too."""
    with TemporaryFile("w+") as text, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        if isinstance(stdin, str):
            text.write(stdin)
            text.seek(0)
            stdin = text
        process = start(command, environment=environment, folder=folder, stdin=stdin, stdout=out, stderr=err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(command), code, out.read(), err.read())


def shell(
    script: str, *, environment: Mapping[str, str], folder: Path, timeout: float
) -> "subprocess.CompletedProcess[str]":
    """A shell has run the script, which finds this `enginehouse`. Raises TimeoutExpired if it has not in time."""
    with TemporaryDirectory() as first:
        descriptors = [] if THOROUGH else [_fork_server().in_shell(Path(first))]
        path = os.pathsep.join([first, str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            ["sh", "-c", script], env={**environment, "PATH": path}, cwd=folder, pass_fds=descriptors,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
