"""The outcome of a child's work: checked outputs, or a failure that says why there are none."""

import signal
import stat
from dataclasses import replace
from pathlib import Path

from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.frames import OutputsReply
from enginehouse.engines.keeper import ChildEnd


def resolve_files(reply: OutputsReply, directory: Path) -> OutputsReply:
    """Returns the reply with absolute paths.

    Raises EngineFailure for a path that is not a regular file in `directory`.
    """
    if all(output.path is None for output in reply.outputs):
        return reply
    root = directory.resolve()
    return OutputsReply(reply.number, [_resolve(output, root) for output in reply.outputs], reply.left_behind)


def _resolve(output: Output, root: Path) -> Output:
    if output.path is None:
        return output
    try:
        path = (root / output.path).resolve()
        if path.is_relative_to(root) and stat.S_ISREG(path.lstat().st_mode):
            return replace(output, path=path)
    except (OSError, ValueError, RuntimeError):  # it is missing, has a NUL, or is a circle of links
        pass
    message = f'The engine returned the output path "{output.path}", which is not a file in its working folder.'
    raise EngineFailure(message)


def malformed(what: str) -> EngineFailure:
    """Returns the failure of an engine with a malformed reply."""
    return EngineFailure(f"The engine returned something that is not a list of outputs: {what}.")


def failure_of(end: ChildEnd, memory_mb: int) -> EngineFailure:
    """Returns the failure of an engine whose process ended before it replied."""
    match end.cause:
        case "memory":
            message = f"The engine used more than {memory_mb} MiB of memory and was stopped."
            return EngineFailure(message, FailureKind.SYSTEM_ERROR)
        case "processes":
            return EngineFailure("The engine started too many processes and was stopped.", FailureKind.SYSTEM_ERROR)
        case "spawn":
            message = f"The engine's process could not be started: {end.detail}."
            return EngineFailure(message, FailureKind.SYSTEM_ERROR)
        case "keeper":
            message = "The process that keeps the engines vanished, and the engine was stopped with it."
            return EngineFailure(message, FailureKind.SYSTEM_ERROR)
    status = end.status or 0
    if status < 0:
        hint = "; the system does that when memory runs out" if -status == signal.SIGKILL else ""
        return EngineFailure(f"The engine's process was ended by {_signal_name(-status)} before it answered{hint}.")
    return EngineFailure(f"The engine's process exited with code {status} before it answered.")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
