"""One attempt from lease to report: open the input, call the engine, keep the output, say how it ended."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from enginehouse.domain.artifact import Artifact, log_key
from enginehouse.domain.engine import Engine, EngineKind, EngineSpec
from enginehouse.domain.errors import TooLarge, Unavailable
from enginehouse.domain.ids import job_graphql, task_graphql
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report, Stale
from enginehouse.engine import Chunk, EngineFailure, Output, Work
from enginehouse.engines.native.protocol import NativeEngine
from enginehouse.engines.native.root_input import read_root_input
from enginehouse.engines.threads import run_to_end
from enginehouse.operations.house import House
from enginehouse.runtime.attempt import AttemptContext, Fetch
from enginehouse.runtime.capacity import LeaseId
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.outputs import keep, printable
from enginehouse.runtime.source import WorkSource

log = structlog.get_logger(__name__)

LOG_BYTES = 1_048_576
GRACE = 1.0
_SERVER_STOPPED = Failed(FailureKind.SERVER_STOPPED, "The server stopped while this attempt ran.")
_STOP_REQUESTED = Failed(FailureKind.STOP_REQUESTED, "The job was cancelled, and this attempt stopped.")
_REPORT_AGAIN = (0.05, 0.2, 1.0, 3.0)
_LONGEST_MESSAGE = 2000


class CallPython(Protocol):
    """Runs one item of a Python engine in a warm child process."""

    async def __call__(
        self,
        spec: EngineSpec,
        work: Work,
        *,
        log: Path,
        log_limit: int,
        timeout: float,  # noqa: ASYNC109 — the child is stopped by its keeper, not by cancelling this call
        memory_mb: int,
        organization_id: int,
        grace: Callable[[], float],
    ) -> list[Output]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What an attempt needs: where work comes from, the house it belongs to, and the ways to call an engine.

    Of an attempt that is being stopped, `stop_requested` says whether its job was cancelled, and `grace_of` how many
    seconds its engine has before it is killed.
    """

    source: WorkSource
    house: House
    native: dict[str, NativeEngine]
    call_python: CallPython
    fetch: Fetch
    outage: Outage = field(default_factory=Outage)
    engine_ended: Callable[[LeaseId], None] = lambda lease_id: None
    stop_requested: Callable[[LeaseId], bool] = lambda lease_id: False
    grace_of: Callable[[LeaseId], float] = lambda lease_id: GRACE

    async def run(self, lease: Lease) -> None:
        """The attempt has ended and its end is reported, unless the lease was lost on the way.

        A cancel from outside ends the engine, waits until it has ended, and reports why: the storage refuses whatever
        comes under a token that no longer counts. It does not cut short what comes after the engine's answer, or a
        result that is ready could be lost, and its bytes left behind.
        """
        lease_id = (lease.key, lease.token)
        try:
            outcome = await self._outcome(lease)
        except asyncio.CancelledError:
            outcome = _STOP_REQUESTED if self.stop_requested(lease_id) else _SERVER_STOPPED
        self.engine_ended(lease_id)
        report = Report(lease.key, lease.token, outcome)
        try:
            await self._report(report)
        except asyncio.CancelledError:
            # Whether it was taken is unknown; made twice under one token it counts once.
            await self._report(report)

    async def _outcome(self, lease: Lease) -> Done | Failed:
        engine = self.house.catalogue.by_id.get(lease.engine_id)
        if engine is None:
            return Failed(FailureKind.SYSTEM_DEPENDENCY_MISSING, f'Engine "{lease.engine_id}" is not installed here.')
        workplace = _Workplace(self.house, lease, engine)
        try:
            return Done(await self._attempt(lease, engine.spec, workplace))
        except Exception as error:
            return _failed(error, engine.spec, workplace)
        finally:
            await run_to_end(workplace.clear())

    async def _attempt(self, lease: Lease, spec: EngineSpec, workplace: "_Workplace") -> tuple[NewArtifact, ...]:
        inputs = await self._inputs(lease, spec, workplace)
        work = workplace.work(inputs)
        outputs = await self._call(lease, spec, work, workplace)
        return await run_to_end(keep(self.house.store, lease, spec, work, outputs)) if outputs else ()

    async def _inputs(self, lease: Lease, spec: EngineSpec, workplace: "_Workplace") -> tuple[Chunk, ...]:
        if any(route.child == lease.key.ordinal and route.parent >= 0 for route in lease.plan.routes):
            found = await self.source.inputs(lease)
            return tuple(workplace.chunk(artifact) for artifact in found)
        if spec.ingests or spec.gathers or not spec.inputs:
            return ()
        return await self._lone_input(lease, workplace)

    async def _lone_input(self, lease: Lease, workplace: "_Workplace") -> tuple[Chunk, ...]:
        """What a cognitive engine without a parent works on: `payload.text`, `payload.url`, or the primary asset."""
        payload = lease.plan.tasks[lease.key.ordinal].payload
        given = payload if isinstance(payload, dict) else {}
        if given.get("text") is not None:
            return ()  # the engine reads it from its payload
        found = await read_root_input(workplace.work(()), workplace.context(self.fetch), given)
        size = found.path.stat().st_size
        return (Chunk(path=found.path, media_type=found.media_type, size=size, name=found.name),)

    async def _call(self, lease: Lease, spec: EngineSpec, work: Work, workplace: "_Workplace") -> list[Output]:
        match spec.kind:
            case EngineKind.NATIVE:
                return await self._call_native(spec, work, workplace)
            case EngineKind.PYTHON:
                return await self.call_python(
                    spec,
                    work,
                    log=workplace.log_path(),
                    log_limit=LOG_BYTES,
                    timeout=workplace.timeout_seconds,
                    memory_mb=spec.memory_mb,
                    organization_id=lease.organization_id,
                    grace=lambda: self.grace_of((lease.key, lease.token)),
                )
            case EngineKind.HTTP:
                raise EngineFailure(
                    "This server does not call engine containers.", FailureKind.SYSTEM_DEPENDENCY_MISSING
                )

    async def _call_native(self, spec: EngineSpec, work: Work, workplace: "_Workplace") -> list[Output]:
        engine = self.native.get(spec.id)
        if engine is None:
            raise EngineFailure(f"{spec.name} is not part of this server.", FailureKind.SYSTEM_DEPENDENCY_MISSING)
        limit = asyncio.timeout(workplace.timeout_seconds)
        try:
            async with limit:
                return await engine.process(work, workplace.context(self.fetch))
        except TimeoutError as error:
            if not limit.expired():
                raise  # a time-out of the engine's own
            text = f"{spec.name} took longer than {workplace.timeout_seconds} s and was stopped."
            raise EngineFailure(text, FailureKind.CHUNK_TIMEOUT) from error

    async def _report(self, report: Report) -> None:
        """The report has reached storage; retried alone, so that trouble there never runs the engine again."""
        for pause in (*_REPORT_AGAIN, None):
            try:
                answer = await self.source.finish(report)
            except Unavailable:
                if pause is None:
                    self.outage.lose_report(report.key)
                    return
                await asyncio.sleep(pause)
            except Exception:
                log.exception("a report could not be recorded", item=report.key)
                if isinstance(report.outcome, Failed):
                    return
                # Outputs that storage cannot take would otherwise run the engine again each time the lease runs out.
                text = "What the engine answered could not be recorded; the server's log says why."
                report = Report(report.key, report.token, Failed(FailureKind.INTERNAL_ERROR, text))
            else:
                if isinstance(answer, Stale):
                    log.info("a late report was refused", item=report.key, token=report.token)
                return


def _failed(error: Exception, spec: EngineSpec, workplace: "_Workplace") -> Failed:
    """How an attempt that raised has ended. What is no engine's own word is logged: it may be a fault of ours."""
    match error:
        case EngineFailure():
            return Failed(error.kind, printable(error.message))
        case TooLarge():
            return Failed(FailureKind.INVALID_DATA, error.message)
        case Unavailable():
            return Failed(FailureKind.SYSTEM_ERROR, error.message)
        case _:
            log.error("an engine of the server failed", engine=spec.name, task=workplace.task_id, exc_info=error)
            text = printable(f"{spec.name}: {type(error).__name__}: {error}")
            return Failed(FailureKind.INTERNAL_ERROR, text[:_LONGEST_MESSAGE])


class _Workplace:
    """The folder, log and public names of one attempt."""

    def __init__(self, house: House, lease: Lease, engine: Engine) -> None:
        self._house = house
        self._lease = lease
        self._spec = engine.spec
        key = lease.key
        self._task = lease.plan.tasks[key.ordinal]
        self.task_id = task_graphql(key.job_id, key.ordinal)
        self.timeout_seconds = self._task.timeout_seconds or engine.spec.timeout_seconds
        self._directory: Path | None = None
        self._context: AttemptContext | None = None

    def work(self, inputs: Sequence[Chunk]) -> Work:
        return Work(
            job_id=job_graphql(self._lease.key.job_id),
            task_id=self.task_id,
            organization_id=self._lease.organization_id,
            target_id=self._lease.target_id,
            engine_id=self._spec.id,
            payload=self._task.payload,
            inputs=tuple(inputs),
            folders=self._task.folders,
            directory=self.directory() if self._needs_directory(inputs) else Path("/nonexistent"),
            attempt=self._lease.attempt,
            timeout_seconds=self.timeout_seconds,
        )

    def _needs_directory(self, inputs: Sequence[Chunk]) -> bool:
        """A native engine that reads nothing and declares no outputs writes no files: it is spared the folder."""
        return self._spec.kind is not EngineKind.NATIVE or bool(inputs) or bool(self._spec.outputs)

    def directory(self) -> Path:
        if self._directory is None:
            key = self._lease.key
            self._directory = self._house.store.scratch() / f"{key.job_id}-{key.ordinal}-{key.item}-{self._lease.token}"
            self._directory.mkdir(parents=True)
        return self._directory

    def chunk(self, artifact: Artifact) -> Chunk:
        plan = self._lease.plan
        return Chunk(
            path=self._house.store.local(artifact.key),
            media_type=artifact.media_type,
            size=artifact.size,
            index=artifact.index,
            folder=artifact.folder,
            name=artifact.name,
            start_ms=artifact.start_ms,
            stop_ms=artifact.stop_ms,
            metadata=artifact.metadata or {},
            engine_id=plan.tasks[artifact.ordinal].engine_id,
            task_id=task_graphql(artifact.job_id, artifact.ordinal),
        )

    def context(self, fetch: Fetch) -> AttemptContext:
        if self._context is None:
            self._context = AttemptContext(self._house, self._lease, self._spec, fetch, self.directory, self.log_path)
        return self._context

    def log_path(self) -> Path:
        key, lease = self._lease.key, self._lease
        return self._house.store.local(log_key(lease.organization_id, key.job_id, key.ordinal, key.item, lease.attempt))

    async def clear(self) -> None:
        """The attempt's folder is gone."""
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
