"""The failures of a child: why there are no outputs."""

import signal
from typing import NamedTuple

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.keeper import ChildEnd


class ChildLimits(NamedTuple):
    """What a child may use: the memory of its processes, and the files that they keep."""

    memory_mb: int
    disk_mb: int


def malformed(what: str) -> EngineFailure:
    """Returns the failure of an engine with a malformed reply."""
    return EngineFailure(f"The engine returned something that is not a list of outputs: {what}.")


def failure_of(end: ChildEnd, limits: ChildLimits) -> EngineFailure:
    """Returns the failure of an engine whose process ended before it replied."""
    if end.cause is not None:
        causes = {
            "memory": f"The engine used more than {limits.memory_mb} MiB of memory and was stopped.",
            "disk": f"The engine kept more than {limits.disk_mb} MiB of files and was stopped.",
            "processes": "The engine started too many processes and was stopped.",
            "spawn": f"The engine's process could not be started: {end.detail}.",
            "keeper": "The process that keeps the engines vanished, and the engine was stopped with it.",
        }
        return EngineFailure(causes[end.cause], FailureKind.SYSTEM_ERROR)
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
