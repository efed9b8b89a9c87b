"""The ways to call an engine: in this process, in a child process somewhere, or over HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from enginehouse.domain.engine import EngineKind
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.native.protocol import NativeEngine
from enginehouse.engines.python_executor import CallPython
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.runtime.source import LeaseId
from enginehouse.runtime.time_limit import OverTimeError, within

GRACE = 1.0  # seconds


class CallHttp(Protocol):
    """Runs one item of an engine over HTTP. When the task is cancelled, the call has ended before CancelledError."""

    async def __call__(self, attempt: AttemptRun, work: Work) -> list[Output]: ...


async def _no_http(attempt: AttemptRun, work: Work) -> list[Output]:
    raise EngineFailure("This server does not call engines over HTTP.", FailureKind.SYSTEM_DEPENDENCY_MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Calls engines of every kind. A stopped engine is killed after `grace_of(lease)` seconds."""

    native: Mapping[str, NativeEngine]
    call_python: CallPython
    call_http: CallHttp = _no_http
    grace_of: Callable[[LeaseId], float] = lambda lease_id: GRACE

    async def call(self, attempt: AttemptRun, work: Work) -> list[Output]:
        """Returns the engine's outputs. Raises EngineFailure, or any exception of a native engine."""
        match attempt.spec.kind:
            case EngineKind.NATIVE:
                return await self._call_native(attempt, work)
            case EngineKind.PYTHON:
                return await self._call_python(attempt, work)
            case EngineKind.HTTP:
                return await self.call_http(attempt, work)

    async def _call_native(self, attempt: AttemptRun, work: Work) -> list[Output]:
        spec = attempt.spec
        engine = self.native.get(spec.id)
        if engine is None:
            raise EngineFailure(f"{spec.name} is not part of this server.", FailureKind.SYSTEM_DEPENDENCY_MISSING)
        try:
            return await within(attempt.timeout_seconds, engine.process(work, attempt.context))
        except OverTimeError as error:
            text = f"{spec.name} took longer than {attempt.timeout_seconds} s and was stopped."
            raise EngineFailure(text, FailureKind.CHUNK_TIMEOUT) from error

    async def _call_python(self, attempt: AttemptRun, work: Work) -> list[Output]:
        lease = attempt.lease
        return await self.call_python(
            attempt.spec,
            work,
            log=attempt.log.write,
            log_limit=attempt.log.room,
            timeout=attempt.timeout_seconds,
            memory_mb=attempt.spec.memory_mb,
            organization_id=lease.organization_id,
            grace=lambda: self.grace_of((lease.key, lease.token)),
        )
