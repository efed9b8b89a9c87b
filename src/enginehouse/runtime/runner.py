"""Runs one attempt from lease to report: open the inputs, call the engine, put the outputs, report the end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Outcome, Postponed, Report
from enginehouse.engine import EngineFailure
from enginehouse.engines.http.messages import CallAgain
from enginehouse.engines.threads import run_to_end
from enginehouse.runtime.attempt import AttemptRun, Fetch
from enginehouse.runtime.download_quota import DownloadQuota
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.inputs import open_inputs
from enginehouse.runtime.media_types import check_types
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.outputs import put_outputs
from enginehouse.runtime.report import deliver, failure
from enginehouse.runtime.source import LeaseId, WorkSource

_SERVER_STOPPED = Failed(FailureKind.SERVER_STOPPED, "The server stopped while this attempt ran.")
_STOP_REQUESTED = Failed(FailureKind.STOP_REQUESTED, "The job was cancelled, and this attempt stopped.")


async def _no_wait(lease_id: LeaseId) -> None:
    """There is always a worker slot, and a report is sent at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs attempts. It needs a source of work, the ways to call an engine, and a folder for unfinished files.

    `known` returns the engines that are installed here.
    An attempt calls its engine after `take_slot`, and `engine_ended` frees the slot. It reports after `may_report`.
    `stop_requested` returns True for a stopped attempt whose job was cancelled.
    """

    source: WorkSource
    executor: Executor
    fetch: Fetch
    folder: Path
    downloads: DownloadQuota = field(default_factory=DownloadQuota)
    outage: Outage = field(default_factory=Outage)
    take_slot: Callable[[LeaseId], Awaitable[None]] = _no_wait
    engine_ended: Callable[[LeaseId], None] = lambda lease_id: None
    may_report: Callable[[LeaseId], Awaitable[None]] = _no_wait
    stop_requested: Callable[[LeaseId], bool] = lambda lease_id: False
    known: Callable[[], Sequence[EngineSpec]] = tuple

    async def run(self, lease: Lease) -> None:
        """The attempt has ended and its end is reported, unless the lease was lost.

        A cancel ends the engine, waits until it has ended, and reports why. The source refuses every report under a
        token that no longer counts. A cancel does not interrupt the steps after the engine has returned. Else a
        finished result could be lost, and its bytes would stay.
        """
        lease_id = (lease.key, lease.token)
        try:
            outcome = await self._outcome(lease)
        except asyncio.CancelledError:
            outcome = _STOP_REQUESTED if self.stop_requested(lease_id) else _SERVER_STOPPED
        self.engine_ended(lease_id)
        report = Report(lease.key, lease.token, outcome)
        try:
            await self.may_report(lease_id)
            await deliver(self.source, report, self.outage)
        except asyncio.CancelledError:
            # Nobody knows whether the source took it. Two reports under one token count once.
            await deliver(self.source, report, self.outage)

    async def _outcome(self, lease: Lease) -> Outcome:
        name = lease.engine_id
        try:
            spec = await self._engine(lease)
            name = spec.name
            async with AttemptRun(
                self.source, lease, spec, folder=self.folder, fetch=self.fetch, downloads=self.downloads
            ) as attempt:
                return Done(await self._outputs(attempt))
        except CallAgain as again:
            payload = None if again.payload is None else msgspec.json.encode(again.payload).decode()
            return Postponed(again.seconds, payload)
        except Exception as error:
            return failure(error, engine=name, task_id=task_graphql(lease.key.job_id, lease.key.ordinal))

    async def _engine(self, lease: Lease) -> EngineSpec:
        spec = await self.source.engine(lease.engine_id)
        if spec is None:
            text = f'Engine "{lease.engine_id}" is not installed here.'
            raise EngineFailure(text, FailureKind.SYSTEM_DEPENDENCY_MISSING)
        return spec

    async def _outputs(self, attempt: AttemptRun) -> tuple[NewArtifact, ...]:
        inputs = await open_inputs(attempt)
        if inputs:
            check_types(attempt.spec, inputs, self.known())
        work = attempt.work(inputs)
        lease_id = (attempt.lease.key, attempt.lease.token)
        await self.take_slot(lease_id)
        try:
            outputs = await self.executor.call(attempt, work)
        finally:
            self.engine_ended(lease_id)
        if not outputs:
            attempt.has_no_outputs()
            return ()
        return await run_to_end(put_outputs(attempt, work, outputs))
