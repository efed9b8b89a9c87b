"""The setup of the runtime tests: a house, engines that follow a script, a source that can fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from tests import make

from enginehouse.domain.engine import EngineKind, EngineMode, EngineSpec
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.job import Job, JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Answer, Attempt, AttemptPage, Lease, Report
from enginehouse.engine import Output, Work
from enginehouse.engines.native.categories import TEST
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.protocol import NativeContext, NativeEngine
from enginehouse.operations import jobs, work
from enginehouse.operations.house import House
from enginehouse.outgoing.fetch import Response
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.runner import Runner
from enginehouse.runtime.source import LeaseId
from enginehouse.server.in_process import InProcess
from enginehouse.storage import attempts as storage_attempts

NOOP = Noop.spec.id
PRINCIPAL = make.principal()
Do = Callable[[Work, NativeContext], Awaitable[list[Output]]]


async def nothing(work: Work, context: NativeContext) -> list[Output]:
    return []


@dataclass
class ScriptedEngine:
    """A native engine that does what the test says, and counts its runs."""

    spec: EngineSpec
    do: Do = nothing
    runs: int = 0

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        self.runs += 1
        return await self.do(work, context)


def _spec(name: str, **more: Any) -> EngineSpec:
    fields = {"mode": EngineMode.BATCH, "kind": EngineKind.NATIVE, "category_id": TEST.id, **more}
    return EngineSpec(id=name, name=name, outputs=("text/plain",), **fields)


ENGINES: dict[str, NativeEngine] = {
    NOOP: Noop(),
    "scripted": ScriptedEngine(_spec("scripted")),
    "ingest": ScriptedEngine(_spec("ingest", ingests=True)),
    "split": ScriptedEngine(_spec("split", mode=EngineMode.STREAM, inputs=("*/*",))),
    "read": ScriptedEngine(_spec("read", mode=EngineMode.CHUNK, inputs=("*/*",))),
    "write": ScriptedEngine(_spec("write", mode=EngineMode.CHUNK, inputs=("*/*",), gathers=True)),
    "container": ScriptedEngine(_spec("container", kind=EngineKind.HTTP)),
    "gone": ScriptedEngine(_spec("gone")),
}


class ItemSource(InProcess):
    """The work source of the server itself. A test can make its calls fail or wait."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.trouble: dict[str, list[Exception]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.called: list[str] = []
        self.reports: list[Report] = []
        self.answers: list[Answer] = []

    async def ready(self, *, pool: str) -> bool:
        await self._pass("ready")
        return await super().ready(pool=pool)

    async def claim(self, *, pool: str, limit: int, worker: str) -> list[Lease]:
        leases = await super().claim(pool=pool, limit=limit, worker=worker)
        await self._pass("claim")
        return leases

    async def heartbeat(self, leases: Sequence[LeaseId]) -> dict[LeaseId, bool]:
        await self._pass("heartbeat")
        return await super().heartbeat(leases)

    async def stop_signalled(self, leases: Sequence[LeaseId]) -> None:
        await self._pass("stop_signalled")
        await super().stop_signalled(leases)

    async def finish(self, report: Report) -> Answer:
        self.reports.append(report)
        await self._pass("finish")
        answer = await super().finish(report)
        self.answers.append(answer)
        return answer

    async def _pass(self, call: str) -> None:
        self.called.append(call)
        if gate := self.gates.get(call):
            await gate.wait()
        if waiting := self.trouble.get(call):
            raise waiting.pop(0)


class DownError(Unavailable):
    """The storage is not reachable now."""

    def __init__(self) -> None:
        super().__init__("The database cannot answer now.")


@dataclass
class Floor:
    """A house, the source of its work, and the runner with which a test starts attempts."""

    house: House
    source: ItemSource
    folder: Path
    engines: dict[str, ScriptedEngine] = field(init=False)

    def __post_init__(self) -> None:
        self.engines = {
            name: ScriptedEngine(engine.spec) for name, engine in ENGINES.items() if isinstance(engine, ScriptedEngine)
        }

    @property
    def runner(self) -> Runner:
        native: dict[str, NativeEngine] = {NOOP: Noop(), **self.engines}
        del native["gone"]
        return Runner(
            source=self.source,
            executor=Executor(native=native, call_python=_no_python),
            fetch=no_fetch,
            folder=self.house.store.scratch(),
        )

    def runner_of(self, capacity: Capacity) -> Runner:
        """Returns the runner, connected to its worker slots as in a server."""
        runner = self.runner
        return replace(
            runner,
            executor=replace(runner.executor, grace_of=capacity.grace_of),
            stop_requested=capacity.stop_requested,
            take_slot=capacity.take_slot,
            engine_ended=capacity.release,
            may_report=capacity.may_report,
        )

    def script(self, name: str, do: Do) -> ScriptedEngine:
        self.engines[name].do = do
        return self.engines[name]

    async def create(self, *requests: JobRequest) -> list[int]:
        return [made.job_id for made in await jobs.create(self.house, PRINCIPAL, requests)]

    async def claim(self, limit: int = 100) -> list[Lease]:
        return await work.claim(self.house, pool="native", limit=limit, worker="test")

    async def lease_one(self, engine: str = "scripted", **fields: Any) -> Lease:
        """Returns the lease of a new job's only task."""
        await self.create(one(engine, **fields))
        [lease] = await self.claim()
        return lease

    async def run_all(self) -> None:
        """Everything that can run now has run."""
        while leases := await self.claim():
            for lease in leases:
                await self.runner.run(lease)

    async def job(self, job_id: int) -> Job:
        return await jobs.get(self.house, PRINCIPAL, Ref.of(job_id))

    async def attempts(self, job_id: int, ordinal: int = 0) -> list[Attempt]:
        page = AttemptPage(job_id, ordinal, 0, 1_000)
        found = await self.house.database.read(
            lambda tx: storage_attempts.attempts(tx, PRINCIPAL.organization_id, [page])
        )
        return found.get(page, [])

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await self.house.database.read(lambda tx: tx.all(statement))


def one(engine: str, **fields: Any) -> JobRequest:
    """Returns a job of one task."""
    return JobRequest(tasks=(TaskRequest(engine_id=engine, **fields),))


async def _no_python(*given: Any, **more: Any) -> NoReturn:
    raise AssertionError("no engine of these tests runs in a child")


def no_fetch(url: str, *, max_bytes: int | None = None) -> AbstractAsyncContextManager[Response]:
    raise AssertionError("no engine of these tests fetches")
