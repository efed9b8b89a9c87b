"""The server's side of the keeper process: start it, send it orders, and read which children ended."""

import asyncio
import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from enginehouse.engines import keeper_register

CLOSE_SECONDS: Final = 15.0  # the keeper ends in less time
MODEL_VARIABLES: Final = ("ENGINEHOUSE_WHISPER_MODEL",)
"""The variables that name a model for an engine. A folder that one of them names may be read by engines."""

_PASSED_ON: Final = (
    *("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED"),
    *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),  # the GPUs that are this server's
    *MODEL_VARIABLES,
)


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended: its exit code (negative for a signal), and the cause if it did not end by itself.

    `cause` is "memory", "processes" or "disk" past a limit, "spawn" if it never started, "keeper" if the keeper has
    died.
    """

    status: int | None
    cause: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ChildHandle:
    """The server's handle of a child. `ended` has a result when the child and everything that it started are gone."""

    number: int
    ended: "asyncio.Future[ChildEnd]" = field(repr=False)


class Keeper:
    """One keeper process.

    If it dies, the next `spawn` starts another one, which ends the processes that the first left.
    """

    def __init__(self, register: Path | None = None) -> None:
        self._register = register
        self.entry = ""  # the name of its file in the register
        self._owner = secrets.token_hex(8)
        self._generations = itertools.count(1)
        self._numbers = itertools.count(1)
        self._children: dict[int, ChildHandle] = {}
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    @classmethod
    def start(cls, *, register: Path | None = None) -> Self:
        """The keeper runs. This call blocks. Make it before the event loop and before any thread.

        The next server finds the keepers of this one in `register`.
        """
        keeper = cls(register)
        keeper._launch()
        return keeper

    @property
    def pid(self) -> int:
        """The keeper's process id. It changes when a dead keeper is replaced."""
        return self._process.pid if self._process else 0

    @property
    def owner(self) -> str:
        """The first part of the environment marker that every process started here has."""
        return self._owner

    async def problem(self) -> str | None:
        """Returns a sentence if the keeper has ended; None if it runs. An ended one is replaced at once."""
        if self._process is None or self._process.poll() is None:
            return None
        ended = f"The keeper of engine processes has ended with {self._process.returncode}, and so have its engines"
        self._lost()
        try:
            self._launch()
        except OSError as error:
            return f"{ended}. Another one cannot be started: {error.strerror}."
        return f"{ended}. Another one was started."

    def spawn(
        self,
        command: list[str],
        variables: dict[str, str],
        *,
        connection: socket.socket,
        output: int,
        folder: Path,
        memory_mb: int,
        disk_mb: int,
    ) -> ChildHandle:
        """The child starts with these environment variables, and the keeper watches it from the first moment.

        The caller closes its copies of the descriptors. The keeper removes `folder` when the child has ended. What the
        child's processes keep on disk, in that folder and in files without a name, is at most `disk_mb`.
        """
        loop = asyncio.get_running_loop()
        server = self._socket or self._launch()
        if self._loop is not loop:
            loop.add_reader(server.fileno(), self._hear, server)
            self._loop = loop
        child = ChildHandle(next(self._numbers), loop.create_future())
        self._children[child.number] = child
        self._order(
            {"do": "spawn", "child": child.number, "command": command, "environment": variables}
            | {"folder": str(folder), "memory": memory_mb << 20, "disk": disk_mb << 20},
            [connection.fileno(), output],
        )
        return child

    def watch(self, child: ChildHandle, memory_mb: int | None) -> None:
        """The keeper ends the child's process tree if it exceeds the limit, until `watch(child, None)`."""
        self._order({"do": "watch", "child": child.number, "memory": memory_mb and memory_mb << 20})

    def stop(self, child: ChildHandle, grace: float) -> None:
        """The child gets SIGTERM now, and its process tree gets SIGKILL after `grace` seconds.

        Wait for `child.ended`.
        """
        self._order({"do": "stop", "child": child.number, "grace": grace})

    def close(self) -> None:
        """The keeper and everything below it are gone. This call blocks."""
        if self._loop is not None and self._loop.is_closed():
            self._children.clear()
        self._lost()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_SECONDS)

    def _launch(self) -> socket.socket:
        if self._process is not None:
            self._process.poll()
        ours, theirs = socket.socketpair()
        generation = next(self._generations)
        self.entry = f"{self._owner}.{generation}"
        lock = None if self._register is None else keeper_register.enter(self._register, self.entry)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- our own module
                [
                    *python("enginehouse.engines.keeper_main"),
                    str(theirs.fileno()),
                    self._owner,
                    str(generation),
                ],
                env=environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),) if lock is None else (theirs.fileno(), lock),
                start_new_session=True,
            )
        if lock is not None:
            os.close(lock)  # the keeper's copy keeps the lock
        ours.setblocking(False)
        self._socket, self._buffer = ours, b""
        return ours

    def _order(self, order: dict[str, Any], fds: list[int] | None = None) -> None:
        if self._socket is None:
            return
        line = json.dumps(order).encode() + b"\n"
        try:
            sent = socket.send_fds(self._socket, [line], fds) if fds else self._socket.send(line)
        except OSError:
            sent = 0
        if sent != len(line):
            # A keeper that does not read has failed. After the server closes the connection, the keeper or the kernel
            # ends its children.
            self._lost()

    def _hear(self, server: socket.socket) -> None:
        try:
            data = server.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            end = json.loads(line)
            if child := self._children.pop(end.pop("child"), None):
                _resolve(child, ChildEnd(**end))

    def _lost(self) -> None:
        self._hang_up()
        for child in self._children.values():
            _resolve(child, ChildEnd(None, "keeper"))
        self._children.clear()

    def _hang_up(self) -> None:
        if self._socket is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket.fileno())
        self._loop = None
        self._socket.close()
        self._socket = None


def python(module: str) -> list[str]:
    """Returns the command that runs one of our modules. -P keeps the working folder out of the import path."""
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Returns the part of the server's environment that our processes need. It contains no secret."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _resolve(child: ChildHandle, end: ChildEnd) -> None:
    if not child.ended.done():
        child.ended.set_result(end)
