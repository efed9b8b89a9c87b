"""The failures of a child: why there are no outputs."""

import signal
from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.artifact import MAX_OUTPUTS
from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.frames import FailureReply
from enginehouse.engines.keeper import ChildEnd

OF_THE_SERVER: Final = frozenset(
    {
        FailureKind.WORKER_LOST,
        FailureKind.SERVER_STOPPED,
        FailureKind.NOT_STARTED,
        FailureKind.STOP_REQUESTED,
        FailureKind.ENGINE_UNAVAILABLE,
        FailureKind.STORE_UNAVAILABLE,
        FailureKind.UNSUPPORTED_TYPE,
    }
)
"""The kinds that only the server uses. An engine that reports one of them is not believed."""


class ChildLimits(NamedTuple):
    """What a child may use: the memory of its processes, and the files that they keep."""

    memory_mb: int
    disk_mb: int


def malformed(what: str) -> EngineFailure:
    """Returns the failure of an engine with a malformed reply."""
    return EngineFailure(f"The engine returned something that is not a list of outputs: {what}.")


def check_number(outputs: Sequence[Output]) -> None:
    """Raises EngineFailure if an engine returned more outputs than an item may have."""
    if len(outputs) > MAX_OUTPUTS:
        raise EngineFailure(f"The engine returned {len(outputs)} outputs; at most {MAX_OUTPUTS} are allowed.")


def failure_in(reply: FailureReply) -> EngineFailure:
    """Returns the failure that the engine reported. Only the server says that the server or a cancel ended it."""
    kind = FailureKind.INTERNAL_ERROR if reply.kind in OF_THE_SERVER else reply.kind
    return EngineFailure(reply.message, kind, is_final=reply.is_final, retry_after=reply.retry_after)


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
