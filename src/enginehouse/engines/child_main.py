"""The child process. It loads one engine and runs one item after another, until the server closes the connection."""

import errno
import faulthandler
import importlib
import importlib.metadata
import os
import resource
import socket
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from enginehouse.engine import ENTRY_POINT_GROUP, EngineFailure, EngineSpec, FailureKind, Output, PythonEngine
from enginehouse.engines import frames, processes
from enginehouse.engines.code_digest import code_digest
from enginehouse.engines.extras import is_whole
from enginehouse.engines.frames import (
    EntryPointName,
    FailureReply,
    ListedReply,
    ListRequest,
    LoadedReply,
    LoadRequest,
    MalformedFrame,
    OutputsReply,
    Reply,
    Request,
    RunRequest,
)
from enginehouse.engines.sandbox.confinement import confine

MAX_FILES: Final = 4096
HEADROOM: Final = 1 << 30  # bytes of addresses that an interpreter and its libraries reserve and do not use
MESSAGE_LIMIT: Final = 2000  # characters

engine: PythonEngine | None = None
disk_mb = 0
own_path: list[str] = []  # the import path of this interpreter, before any engine could change it
own_environment = False  # the engine has one that is not the server's


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[-1]))
    connection.set_inheritable(False)
    own_path[:] = sys.path
    processes.die_with_parent()
    # Processes that the engine leaves running stay below this process, where the keeper sees them.
    processes.become_subreaper()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_FILES)
    printer = Printer()
    while (request := receive(connection)) is not None:
        printer.aim()
        reply = respond(request)
        printer.flush()
        connection.sendall(encode(reply))
    os._exit(0)


def receive(connection: socket.socket) -> Request | None:
    """Returns the server's next request, None when the server has closed the connection."""
    header = _exactly(connection, frames.HEADER)
    if not header:
        return None
    return frames.decode_request(_exactly(connection, frames.body_length(header, frames.REQUEST_LIMIT)))


def respond(request: Request) -> Reply:
    """Returns the reply to one request. An exception of the engine becomes a FailureReply."""
    me = os.getpid()
    reply: Reply
    try:
        match request:
            case ListRequest():
                reply = _list()
            case LoadRequest():
                reply = _load(request)
            case RunRequest():
                reply = _run(request)
    except EngineFailure as failure:
        reply = msgspec.structs.replace(
            _failed(failure.kind, failure.message), is_final=failure.is_final, retry_after=failure.retry_after
        )
    except MemoryError:
        limit = f"{request.memory_mb} MiB" if isinstance(request, RunRequest) else "the allowed amount"
        reply = _failed(FailureKind.SYSTEM_ERROR, f"The engine used more than {limit} of memory and was stopped.")
    except ImportError as error:
        traceback.print_exc()
        reply = _failed(FailureKind.SYSTEM_DEPENDENCY_MISSING, _missing(error))
    except Exception as error:
        traceback.print_exc()
        reply = _raised(error)
    if os.getpid() != me:
        os._exit(0)  # a fork of the engine returned here; only its parent replies
    return reply


def encode(reply: Reply) -> bytes:
    """Returns the frame of the reply, or of a failure if the reply cannot be sent."""
    try:
        return frames.encode(reply, frames.REPLY_LIMIT)
    except MalformedFrame as error:
        return frames.encode(_not_outputs(str(error)), frames.REPLY_LIMIT)


def _list() -> Reply:
    points = filter(is_whole, importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))
    names = (EntryPointName(one.name, one.value, one.dist.name if one.dist else one.value) for one in points)
    return ListedReply(sorted(names, key=lambda one: one.name))


def _load(request: LoadRequest) -> Reply:
    global engine, disk_mb, own_environment  # noqa: PLW0603 -- this process exists for one engine
    try:
        if engine is None:
            confine(request.confinement)
    except OSError as error:
        return _failed(FailureKind.SYSTEM_ERROR, f"The sandbox of the engine could not be made: {error}.")
    own_environment = request.path is None
    path = own_path if request.path is None else request.path
    sys.path[:] = path
    disk_mb = request.disk_mb
    _limit(resource.RLIMIT_FSIZE, disk_mb << 20)
    if ":" in request.entry_point:
        module, _, attribute = request.entry_point.partition(":")
        loaded = getattr(importlib.import_module(module), attribute, None)
    else:
        points = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=request.entry_point)
        if not points:
            return FailureReply(
                FailureKind.SYSTEM_DEPENDENCY_MISSING,
                f'No installed package has an entry point "{request.entry_point}" in the group {ENTRY_POINT_GROUP}.',
            )
        module = next(iter(points)).module
        loaded = next(iter(points)).load()
    if not callable(getattr(loaded, "process", None)):
        return _failed(FailureKind.INTERNAL_ERROR, f'"{request.entry_point}" is not an engine: it has no process().')
    engine = loaded
    spec = getattr(loaded, "spec", None)
    return LoadedReply(spec if isinstance(spec, EngineSpec) else None, code_digest(module, path))


def _run(request: RunRequest) -> Reply:
    if engine is None:
        return _failed(FailureKind.INTERNAL_ERROR, "Work came before an engine was loaded.")
    work = request.work
    os.chdir(work.directory)
    _allow(request)
    outputs: Any = engine.process(work)
    if not isinstance(outputs, (list, tuple)) or not all(isinstance(output, Output) for output in outputs):
        return _not_outputs(type(outputs).__name__)
    if any((output.data is None) == (output.path is None) for output in outputs):
        return _not_outputs("an Output has either data or path")
    try:
        sendable = _spill(outputs, work.directory)
    except OSError as error:
        return _failed(FailureKind.FILE_WRITE_ERROR, f"The engine's outputs could not be written: {error}")
    return OutputsReply(request.number, sendable, left_behind=_left_behind())


def _spill(outputs: list[Output] | tuple[Output, ...], directory: Path) -> list[Output]:
    """Returns the outputs. Those that are too large for one reply are in files."""
    room = frames.INLINE_LIMIT
    sendable = []
    for output in outputs:
        if output.data is not None and len(output.data) > room:
            fd, path = tempfile.mkstemp(prefix="output-", dir=directory)
            with os.fdopen(fd, "wb") as file:
                file.write(output.data)
            sendable.append(replace(output, data=None, path=Path(path)))
        else:
            room -= len(output.data or b"")
            sendable.append(output)
    return sendable


def _allow(request: RunRequest) -> None:
    """The limits of this item hold.

    The system counts processor time over the life of the process, so each item adds to it.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime + request.seconds * (os.cpu_count() or 1) + 60
    _limit(resource.RLIMIT_CPU, int(seconds))
    _limit(resource.RLIMIT_AS, (request.memory_mb << 21) + HEADROOM)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(OSError, ValueError):
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _left_behind() -> bool:
    """Returns True if a process that the engine started still runs. Ended ones are reaped."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
        return True
    return False


def _failed(kind: FailureKind, message: str) -> FailureReply:
    text = message.encode("utf-8", "replace").decode()
    return FailureReply(kind, text if len(text) <= MESSAGE_LIMIT else text[:MESSAGE_LIMIT] + "…")


def _raised(error: Exception) -> FailureReply:
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return _failed(FailureKind.SYSTEM_ERROR, f"The engine wrote a file of more than {disk_mb} MiB.")
    return _failed(FailureKind.INTERNAL_ERROR, f"The engine raised {type(error).__name__}: {error}")


def _not_outputs(what: str) -> FailureReply:
    return _failed(FailureKind.INTERNAL_ERROR, f"The engine returned something that is not a list of outputs: {what}.")


def _missing(error: ImportError) -> str:
    package = (error.name or str(error)).partition(".")[0]
    if own_environment:
        return f'The engine needs the package "{package}", which is not installed for {sys.executable}.'
    return (
        f'The engine needs the package "{package}", which is not installed on this machine '
        "(for the engines that come with the server: pip install 'enginehouse[engines]')."
    )


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := connection.recv(min(size - len(data), 1 << 20))):
        data += part
    return bytes(data) if len(data) == size else b""


class Printer:
    """Standard output and error. Both go to the log.

    They are restored before each item, because the item before may have changed them.
    """

    def __init__(self) -> None:
        self._log = os.dup(1)
        self._streams = self._open()
        faulthandler.enable(self._log)

    def aim(self) -> None:
        """Descriptors 1 and 2, `sys.stdout` and `sys.stderr` write to the log."""
        os.dup2(self._log, 1)
        os.dup2(self._log, 2)
        if any(stream.closed for stream in self._streams):
            self._streams = self._open()
        sys.stdout, sys.stderr = self._streams

    def flush(self) -> None:
        """Everything that was printed is in the pipe."""
        for stream in self._streams:
            with suppress(OSError, ValueError):
                stream.flush()

    @staticmethod
    def _open() -> tuple[TextIO, TextIO]:
        out, err = (
            os.fdopen(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False) for fd in (1, 2)
        )
        return out, err


if __name__ == "__main__":
    main()
